"""Progress: calls within a stage show, on a terminal and off it, and so does a wait for the budget."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.events import StepMaterializationData
from dagster._core.execution.plan.objects import StepFailureData, StepSuccessData
from rich.console import Console

from optimove_pipeline.call_journal import CallJournal
from optimove_pipeline.call_tail import CallTail
from optimove_pipeline.commands.account import Account, Expected
from optimove_pipeline.commands.pace import Pace
from optimove_pipeline.commands.progress import Progress, told_by_progress
from optimove_pipeline.commands.stopping import Stop
from optimove_pipeline.optimove.budget import CallClass, Limit, Traffic, Window
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.runs import Planned
from optimove_pipeline_tests.test_call_tail import record

RUN = Planned((BY_NAME["promo_codes"],), date(2025, 6, 1), date(2025, 6, 2))
HOUR = Window(10, 3600.0)
FREE = Pace(CallClass.DAILY, ((HOUR, Limit(10, 3600.0)),), Traffic())
SPENT = Pace(CallClass.DAILY, FREE.limits, Traffic(ages=(60.0,) * 10, waiting={CallClass.DAILY: 3}))
LONGEST_SECONDS = 60.0

_OF_ENDS: dict[dg.DagsterEventType, Any] = {
    dg.DagsterEventType.STEP_SUCCESS: StepSuccessData(1.0),  # type: ignore[no-untyped-call]
    dg.DagsterEventType.STEP_FAILURE: StepFailureData(error=None, user_failure_data=None),  # type: ignore[no-untyped-call]
}


class Screen(io.StringIO):
    """Collects what is printed; a test can wait for a text."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()

    def write(self, text: str) -> int:
        with self._changed:
            written = super().write(text)
            self._changed.notify_all()
        return written

    def shows(self, text: str) -> bool:
        """Wait for the text; return whether it came."""
        with self._changed:
            return self._changed.wait_for(lambda: text in self.getvalue(), LONGEST_SECONDS)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[CallJournal]:
    journal = CallJournal(tmp_path, "a run")
    yield journal
    journal.close()


def progress_on(screen: Screen, journal: CallJournal, *, pace: Pace = FREE, terminal: bool = False) -> Progress:
    account = Account([Expected(RUN, {"promo_codes": 40}, steps=3)], time.monotonic)
    console = Console(file=screen, force_terminal=terminal, force_interactive=terminal, width=200)
    return Progress(account, console, CallTail(journal.folder), lambda: pace, Stop(), beat=0.05)


def event(kind: dg.DagsterEventType, stage: str = "report") -> dg.DagsterEvent:
    return dg.DagsterEvent(
        kind.value, "a job", step_key=f"{stage}__promo_codes", event_specific_data=_OF_ENDS.get(kind)
    )


def made(stage: str, **metadata: int) -> dg.DagsterEvent:
    materialization = dg.AssetMaterialization(dg.AssetKey([stage, "promo_codes"]), metadata=metadata)
    return dg.DagsterEvent(
        dg.DagsterEventType.ASSET_MATERIALIZATION.value,
        "a job",
        step_key=f"{stage}__promo_codes",
        event_specific_data=StepMaterializationData(materialization),
    )


def test_calls_show_while_their_stage_goes_on(journal: CallJournal) -> None:
    screen = Screen()
    with progress_on(screen, journal) as progress:
        progress.begin("a run", RUN)
        progress.tell(event(dg.DagsterEventType.STEP_START))
        for _ in range(7):
            journal.record(record(3))
        assert screen.shows(
            "report/promo_codes: 7 calls, 21 rows; 0 of 1 reports, 0 of 2 days, 7 of about 40 calls, "
        )
    line = next(line for line in screen.getvalue().splitlines() if ": 7 calls" in line)
    assert "21 rows, 1 s gone, about " in line
    assert line.endswith(" left")


def test_a_stage_that_ends_is_a_line(journal: CallJournal) -> None:
    screen = Screen()
    with progress_on(screen, journal) as progress:
        progress.begin("a run", RUN)
        progress.tell(event(dg.DagsterEventType.STEP_START))
        progress.tell(made("report", **{"dagster/row_count": 5, "calls": 2}))
        progress.tell(made("report", **{"dagster/row_count": 6, "calls": 1}))
        progress.tell(event(dg.DagsterEventType.STEP_SUCCESS))
        progress.tell(event(dg.DagsterEventType.STEP_FAILURE, "validated"))
        progress.tell(event(dg.DagsterEventType.STEP_SKIPPED, "published"))
    lines = [line for line in screen.getvalue().splitlines() if line.startswith("[")]
    assert lines == [
        "[1/3] report/promo_codes: 2 days, 11 rows, 3 calls",
        "[2/3] validated/promo_codes: FAILED",
        "[3/3] published/promo_codes: skipped",
    ]


def test_published_days_count(journal: CallJournal) -> None:
    screen = Screen()
    with progress_on(screen, journal) as progress:
        progress.begin("a run", RUN)
        progress.tell(made("published", **{"dagster/row_count": 5}))
        assert screen.shows("1 of 2 days")


def test_a_wait_for_the_budget_says_until_when(journal: CallJournal) -> None:
    screen = Screen()
    with progress_on(screen, journal, pace=SPENT) as progress:
        progress.begin("a run", RUN)
        progress.tell(event(dg.DagsterEventType.STEP_START))
        assert screen.shows("waiting for the budget, the next call is expected at 20")
    assert "59 min left" in screen.getvalue() or "1 h" in screen.getvalue()


def test_a_stage_without_calls_waits_for_no_budget(journal: CallJournal) -> None:
    screen = Screen()
    with progress_on(screen, journal, pace=SPENT) as progress:
        progress.begin("a run", RUN)
        progress.tell(event(dg.DagsterEventType.STEP_START, "validated"))
        assert screen.shows("validated/promo_codes; ")
    assert "waiting" not in screen.getvalue()


def test_a_terminal_shows_a_picture_and_lines_only_of_what_went_wrong(journal: CallJournal) -> None:
    screen = Screen()
    with progress_on(screen, journal, terminal=True) as progress:
        progress.begin("a run", RUN)
        progress.tell(event(dg.DagsterEventType.STEP_START))
        for _ in range(7):
            journal.record(record(3))
        assert screen.shows("report/promo_codes: 7 calls, 21 rows")
        assert screen.shows("0 of 1 reports, 0 of 2 days, 7 of about 40 calls, 21 rows")
        progress.tell(event(dg.DagsterEventType.STEP_SUCCESS))
        progress.tell(event(dg.DagsterEventType.STEP_FAILURE, "validated"))
    assert "[1/3]" not in screen.getvalue()
    assert "[2/3] validated/promo_codes: FAILED" in screen.getvalue()


def test_a_command_that_was_asked_to_stop_begins_no_run(journal: CallJournal) -> None:
    stop = Stop()
    stop.asked = True
    account = Account([Expected(RUN, {}, steps=3)], time.monotonic)
    progress = Progress(account, Console(file=io.StringIO()), CallTail(journal.folder), lambda: FREE, stop)
    with pytest.raises(KeyboardInterrupt):
        progress.begin("a run", RUN)


@pytest.mark.parametrize(("level", "told"), [(logging.INFO, ["other"]), (logging.DEBUG, ["waiting", "other"])])
def test_the_logs_own_lines_of_waits_are_told_only_to_those_who_want_to_know_more(
    level: int, told: list[str]
) -> None:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    # Both: a run in this process leaves a level on the second one.
    loggers = [logging.getLogger(name) for name in ("optimove_pipeline", "optimove_pipeline.optimove.budget")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(level)
    logging.getLogger().addHandler(handler)
    try:
        with told_by_progress():
            logging.getLogger("optimove_pipeline.optimove.budget.waiting").info("waiting")
            logging.getLogger("optimove_pipeline.session").info("other")
        logging.getLogger("optimove_pipeline.optimove.budget.waiting").info("afterwards")
    finally:
        logging.getLogger().removeHandler(handler)
        for logger, was in zip(loggers, before, strict=True):
            logger.setLevel(was)
    assert lines == [*told, "afterwards"]
