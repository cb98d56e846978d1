"""A session asks the API what it is told to, and for no longer than it has patience."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.errors import TransientError
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline.session import Session

TODAY = date(2026, 11, 20)
PATIENCE_SECONDS = 0.3


@pytest.fixture(scope="module")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=()) as sandbox:
        yield sandbox


@pytest.fixture
def settings(sandbox: RunningSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("OPTIMOVE_API_URL", sandbox.url)
    monkeypatch.setenv("OPTIMOVE_API_KEY", sandbox.key)
    return settings_with(1, tmp_path)


def settings_with(calls: int, data_dir: Path) -> Settings:
    document = {"budget": {"windows": [{"calls": calls, "seconds": 3600}]}}
    return parse_settings(document, source="a test", data_dir=data_dir)


def last_data_update(settings: Settings, **options: Any) -> date:
    session = Session(settings, "a test", **options)
    try:
        return session.last_data_update()
    finally:
        session.close()


def test_a_spent_budget_is_waited_for_no_longer_than_there_is_patience(
    settings: Settings, sandbox: RunningSandbox
) -> None:
    assert last_data_update(settings) == date(2026, 11, 19)
    with pytest.raises(TransientError, match=r"no answer within 0\.3 s, of which 0 s .* waiting for the budget"):
        last_data_update(settings, patience_seconds=PATIENCE_SECONDS)
    assert sandbox.stats()["total"] == 1


def test_a_silent_api_is_waited_for_no_longer_than_there_is_patience(
    settings: Settings, sandbox: RunningSandbox
) -> None:
    sandbox.faults(Fault("timeout"))
    with pytest.raises(TransientError, match=r"no answer within 0\.3 s"):
        last_data_update(settings, patience_seconds=PATIENCE_SECONDS)


@pytest.mark.usefixtures("settings")
def test_a_client_is_lent_for_other_questions(tmp_path: Path) -> None:
    session = Session(settings_with(2, tmp_path), "a test")
    try:
        found = session.ask(lambda client: client.lookup("model/GetLifecycleStageList"))
    finally:
        session.close()
    assert [row["StageID"] for row in found] == [1, 2, 3, 4]
