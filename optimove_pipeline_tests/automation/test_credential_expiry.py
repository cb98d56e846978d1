"""Credentials that expire are told of 30, 14 and 3 days before and once they have, each time once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.alerts.alert import AlertKind
from optimove_pipeline.automation.credential_expiry import credential_expiry
from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.config import parse_settings, sandbox_settings
from optimove_pipeline_tests.automation.ticks import Ticking, alerts
from optimove_pipeline_tests.targets.credentials import sas

END = datetime(2026, 12, 31, 12, tzinfo=UTC)
AZURE = {"kind": "azure", "account": "shop", "container": "in", "sas": "${EXPIRY_SAS}"}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as opened:
        yield opened


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPIRY_SAS", sas(se=END.isoformat()))


def tick(instance: dg.DagsterInstance, data_dir: Path, now: datetime, **targets: Any) -> str:
    settings = parse_settings({"targets": targets or {"archive": AZURE}}, source="a test", data_dir=data_dir)
    return str(Ticking(credential_expiry(settings, lambda: now), instance).tick().skip_message)


def test_each_warning_comes_once_and_in_its_time(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    told = []
    for hours in range(45 * 24, -5 * 24, -6):
        before = len(alerts(tmp_path))
        tick(instance, tmp_path, END - timedelta(hours=hours))
        told += [hours / 24] * (len(alerts(tmp_path)) - before)
    assert told == [30, 14, 3, 0]
    raised = alerts(tmp_path)
    assert {alert.kind for alert in raised} == {AlertKind.CREDENTIALS}
    assert raised[0].title == "targets.archive.sas expires on 2026-12-31"
    assert raised[-1].title == "targets.archive.sas has expired on 2026-12-31"
    assert raised[1].text == (
        "targets.archive.sas: the SAS token expires in 14 days, on 2026-12-31 12:00 UTC: get a new one before that. "
        "What needs it fails from then on."
    )
    assert "canary" not in str(raised)


def test_a_new_token_is_watched_anew(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick(instance, tmp_path, END - timedelta(days=2))
    monkeypatch.setenv("EXPIRY_SAS", sas(se=(END + timedelta(days=10)).isoformat()))
    tick(instance, tmp_path, END + timedelta(days=8))
    assert [alert.title[-10:] for alert in alerts(tmp_path)] == ["2026-12-31", "2027-01-10"]


def test_what_holds_for_long_or_tells_of_no_end_is_no_alert(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    assert tick(instance, tmp_path, END - timedelta(days=40)) == (
        "every credential holds for more than 30 days: targets.archive.sas 2026-12-31"
    )
    assert tick(instance, tmp_path, END, local={"kind": "local"}) == "no credential tells of its end"
    assert alerts(tmp_path) == []


def test_an_end_that_can_not_be_read_is_told_once(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EXPIRY_SAS")
    for hours in range(3):
        assert "EXPIRY_SAS is not set" in tick(instance, tmp_path, END + timedelta(hours=hours))
    (alert,) = alerts(tmp_path)
    assert alert.title == "targets.archive.sas: its end can't be read"


def test_it_runs_in_the_daemon_from_the_start(tmp_path: Path) -> None:
    sensors = definitions_of(sandbox_settings("http://127.0.0.1:1/current", tmp_path)).sensors or []
    (sensor,) = (sensor for sensor in sensors if sensor.name == "credential_expiry")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
