"""``check``: each part passes or fails by itself, with what is to be done, and nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.commands.check import check_settings
from optimove_pipeline.commands.check_disk import check_disk, check_warehouse
from optimove_pipeline.commands.check_secrets import check_expiries
from optimove_pipeline.commands.check_times import check_times
from optimove_pipeline.commands.findings import Finding
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.settings.target import TEST_FOLDER
from optimove_pipeline.warehouse import Warehouse
from optimove_pipeline_tests.commands.company import MORNING, NAMES, Company, tree
from optimove_pipeline_tests.end_to_end.place import environment


def outcomes(found: list[Finding]) -> dict[str, str]:
    return {each.part: each.outcome.value for each in found}


def texts(found: list[Finding]) -> dict[str, str]:
    return {each.part: each.text for each in found}


def checked(company: Company) -> list[Finding]:
    with environment(company.place):
        return [*check_settings(company.settings(), MORNING)]


def settings_of(document: Mapping[str, Any], data_dir: Path) -> Settings:
    return parse_settings(document, source="test", data_dir=data_dir)


def test_a_company_in_order_passes_everywhere_and_keeps_nothing_of_it(delivered: Company) -> None:
    served, data = tree(delivered.places.sftp_root), tree(delivered.place.data)
    found = checked(delivered)
    assert {*outcomes(found).values()} == {"pass"}
    assert texts(found)["source company"].startswith("opens: source company (duckdb, ")
    assert texts(found)["target sandbox"].startswith("connect, write, rename, read back, delete at sftp://127.0.0.1:")
    assert texts(found)["API"] == "it answers to this key, with data up to 2025-06-19"
    assert tree(delivered.places.sftp_root) - served <= {f"test/{TEST_FOLDER}"}
    assert {name for name in tree(delivered.place.data) - data if not name.startswith(("state", "calls"))} == set()


def test_the_rows_that_would_be_read_are_counted(delivered: Company) -> None:
    found = texts(checked(delivered))
    for name in NAMES:
        assert "rows for 2025-06-19" in found[f"data set {name}"]
        assert " 0 rows" not in found[f"data set {name}"]


def test_parts_that_fail_hide_no_others(company: Company) -> None:
    def spoil(document: dict[str, Any]) -> None:
        document["datasets"]["each"]["customers"]["columns"]["Email"] = "e_mail"
        target = document["targets"]["sandbox"]
        del target["key_file"]
        target["password"] = "${SFTP_PASSWORD}"
        document["delivery"]["each"] = {"events": ["share"]}
        document["targets"]["share"] = {"kind": "local", "folder": str(company.place.root / "share")}

    company.change(spoil)
    company.export("SFTP_PASSWORD", "wrong")
    ended = company.run("check", "--json")
    assert ended.exit_code == 1
    found = {each["part"]: each for each in json.loads(ended.stdout)}
    failed = {part for part, each in found.items() if each["outcome"] == "fail"}
    assert failed == {"data set customers", "target sandbox"}
    assert "has no column 'e_mail'" in found["data set customers"]["text"]
    assert "Map it by datasets.each.customers.columns.Email" in found["data set customers"]["text"]
    assert found["target sandbox"]["text"].startswith("connect: ")
    assert found["target share"]["outcome"] == "pass"
    assert not (company.place.root / "share").exists()
    assert "wrong" not in ended.stdout


def test_a_missing_secret_is_named_with_its_setting_and_all_else_is_looked_at(company: Company) -> None:
    company.change(lambda document: document.update(api={"key": "${NO_SUCH_KEY}"}))
    lines = company.run("check").stdout.splitlines()
    assert any(line.startswith("fail  secrets: api.key: the environment variable NO_SUCH_KEY") for line in lines)
    assert any(line.startswith("fail  API: the environment variable NO_SUCH_KEY is not set") for line in lines)
    assert any(line.startswith("pass  target sandbox: ") for line in lines)


def test_a_refused_key_and_a_source_that_is_not_there_are_one_line_each(company: Company) -> None:
    company.export("OPTIMOVE_API_KEY", "another-key")
    company.change(lambda document: document["sources"]["company"].update(path="nowhere.duckdb"))
    found = checked(company)
    failed = [each for each in found if each.outcome == "fail"]
    assert [each.part for each in failed] == ["source company", "API"]
    assert "there is no such file" in failed[0].text
    assert "401" in failed[1].text


def test_wrong_settings_are_told_line_by_line(company: Company) -> None:
    company.change(lambda document: document.update(reprots={}, tenant={"timezone": "Mars"}))
    ended = company.run("check")
    assert ended.exit_code == 1
    assert len(ended.stdout.splitlines()) == 2
    assert all(line.startswith("fail  settings: ") for line in ended.stdout.splitlines())


def test_a_login_needs_no_key(company: Company) -> None:
    company.change(
        lambda document: document.update(api={"login": {"username": "${USER_X}", "password": "${PASS_X}"}})
    )
    company.export("OPTIMOVE_API_KEY", "")
    told = [each.text for each in checked(company) if each.part == "secrets"]
    assert [each.partition(": ")[0] for each in told] == ["api.login.username", "api.login.password"]


@pytest.mark.parametrize(
    ("free", "outcome", "told"),
    [
        (10_000_000, "fail", "0.0 GB free"),
        (1_500_000_000, "fail", "as much as 2 days"),
        (5_000_000_000, "warn", "as much as 5 days"),
        (50_000_000_000, "pass", "as much as 50 days"),
    ],
)
def test_the_room_on_the_disk_is_told_by_days_like_the_last(
    free: int, outcome: str, told: str, tmp_path: Path
) -> None:
    settings = settings_of({}, tmp_path / "data")
    part = tmp_path / "data" / "staging" / "part.parquet"
    part.parent.mkdir(parents=True)
    with part.open("wb") as file:
        file.truncate(1_000_000_000)
    written = part.stat().st_mtime
    (found,) = check_disk(settings, MORNING.fromtimestamp(written, MORNING.tzinfo), lambda _: free)
    assert (found.outcome, told in found.text) == (outcome, True), found.text


def test_hardly_any_room_fails_though_nothing_tells_what_a_day_needs(tmp_path: Path) -> None:
    (found,) = check_disk(settings_of({}, tmp_path), MORNING, lambda _: 10_000_000)
    assert (found.outcome, found.text.partition(":")[2]) == (
        "fail",
        " make room, or shorten retention.landing_days, staging_days and package_days",
    )


def test_a_data_directory_that_is_not_there_yet_is_not_made(tmp_path: Path) -> None:
    (found,) = check_disk(settings_of({}, tmp_path / "data"), MORNING, lambda folder: 10**12)
    assert found.outcome == "pass"
    (warehouse,) = check_warehouse(settings_of({}, tmp_path / "data"))
    assert "the first run makes it" in warehouse.text
    assert tree(tmp_path) == set()


def test_a_warehouse_in_use_is_told_of_and_a_broken_one_fails(tmp_path: Path) -> None:
    settings = settings_of({}, tmp_path)
    with Warehouse(settings.warehouse_path).open("a long run"):
        (busy,) = check_warehouse(settings, patience=0)
    assert busy.outcome == "warn"
    assert "a long run" in busy.text
    settings.warehouse_path.write_bytes(b"no warehouse" * 1000)
    (broken,) = check_warehouse(settings, patience=0)
    assert broken.outcome == "fail"
    assert "move it away" in broken.text


@pytest.mark.parametrize(
    ("days", "outcome", "told"), [(90, "pass", "none within 30 days"), (5, "warn", "5 days"), (-1, "fail", "expired")]
)
def test_a_credential_that_ends_is_told_of(
    days: int, outcome: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAS", f"sv=1&se={MORNING + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}&sig=secret")
    target = {"kind": "azure", "account": "a", "container": "c", "sas": "${SAS}"}
    (found,) = check_expiries(settings_of({"targets": {"cloud": target}}, tmp_path), MORNING)
    assert (found.outcome, told in found.text) == (outcome, True), found.text
    assert "secret" not in found.text


@pytest.mark.parametrize(
    ("datasets", "zone", "told"),
    [
        ({"starts": "07:00", "readiness": "06:00"}, "UTC", "starts (07:00) is not before readiness (06:00)"),
        ({}, "America/New_York", "is looked for only from"),
        ({"delay_minutes": 400}, "UTC", "set a later readiness, or a shorter delay"),
        ({"warn_minutes": 240}, "UTC", "every day is alerted"),
        ({"delay_minutes": 40, "each": {"customers": {"cadence": "hourly"}}}, "UTC", "leaves no time after"),
    ],
)
def test_times_that_contradict_each_other_are_warned_of(
    datasets: dict[str, Any], zone: str, told: str, tmp_path: Path
) -> None:
    document = {"tenant": {"timezone": zone}, "datasets": {"preset": "casino", "select": ["customers"], **datasets}}
    reports, *found = check_times(settings_of(document, tmp_path), MORNING)
    assert reports.outcome == "pass"
    assert [each.outcome.value for each in found] == ["warn"]
    assert told in found[0].text


def test_times_that_fit_are_told(tmp_path: Path) -> None:
    found = texts([*check_times(settings_of({"datasets": {"preset": "casino"}}, tmp_path), MORNING)])
    assert found["readiness of reports"].startswith("2025-06-19 is looked for from 2025-06-20 06:00 UTC on")
    names = "customers, transactions, games, game_types_and_categories, events"
    assert found[f"readiness of {names}"].endswith("from 2025-06-21 02:00 UTC on, due at 2025-06-21 06:00 UTC")
