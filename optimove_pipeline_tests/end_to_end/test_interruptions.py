"""A run that is killed or interrupted at any moment: the next one goes on where it was, and ends the same."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import (
    DAYS,
    NEWEST,
    Place,
    Rows,
    all_rows,
    end,
    pull,
    settle,
    start,
)

REPORTS = ("customer_send_details_by_campaign", "customer_action_details_by_date")
IN_FLIGHT = 4
ASKED_EACH_TIME = "general/GetLastDataUpdate"
LONGEST_SECONDS = 300

Calls = Counter[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """What a run that nobody disturbs ends with, and the calls that it makes."""

    tables: dict[str, Rows]
    calls: Calls


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, started: RunningSandbox) -> Undisturbed:
    started.reset()
    place = small_steps(tmp_path_factory.mktemp("undisturbed"), started)
    ended = pull(place, *REPORTS)
    assert ended.code == 0, ended.told
    return Undisturbed(all_rows(place), answered(started))


def small_steps(root: Path, sandbox: RunningSandbox) -> Place:
    """A place whose runs make many calls, few at a time."""
    return settle(root, sandbox, api={"page_size": 2, "concurrency": IN_FLIGHT})


def answered(sandbox: RunningSandbox) -> Calls:
    """The calls that the server has answered since the last reset, but for the date of the last data update."""
    return Counter(
        (call["function"], *map("=".join, sorted(call["parameters"].items())))
        for call in sandbox.stats()["calls"]
        if call["fault"] is None and call["function"] != ASKED_EACH_TIME
    )


@contextmanager
def begun(place: Place, first: date = NEWEST) -> Iterator[subprocess.Popen[str]]:
    """Start a run; it is killed at the end at the latest."""
    chosen = [part for name in REPORTS for part in ("--report", name)]
    with start(place, "run", "--from", str(first), "--to", str(NEWEST), *chosen) as process:
        try:
            yield process
        finally:
            process.kill()


def until_stalled(sandbox: RunningSandbox) -> None:
    """Wait until a call has met the fault that leaves it without an answer."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not any(call["fault"] for call in sandbox.stats()["calls"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def go_on(place: Place, sandbox: RunningSandbox, undisturbed: Undisturbed) -> None:
    """Run again: the same tables, and hardly a call made twice."""
    sandbox.faults()
    ended = pull(place, *REPORTS)
    assert ended.code == 0, ended.told
    assert all_rows(place) == undisturbed.tables
    both = answered(sandbox)
    assert both.keys() == undisturbed.calls.keys()
    assert (both - undisturbed.calls).total() <= IN_FLIGHT


@pytest.mark.parametrize("calls", [3, 40, 90])
def test_a_run_killed_while_it_extracts(
    tmp_path: Path, sandbox: RunningSandbox, undisturbed: Undisturbed, calls: int
) -> None:
    place = small_steps(tmp_path, sandbox)
    sandbox.faults(Fault("timeout", after=calls))
    with begun(place) as process:
        until_stalled(sandbox)
        process.kill()
        assert end(process).code == -signal.SIGKILL
    go_on(place, sandbox, undisturbed)


def test_a_run_killed_while_it_publishes(tmp_path: Path, sandbox: RunningSandbox, undisturbed: Undisturbed) -> None:
    place = small_steps(tmp_path, sandbox)
    with begun(place) as process:
        assert process.stderr is not None
        assert any("published/" in line for line in process.stderr)  # reads up to the first table
        process.kill()
        assert end(process).code == -signal.SIGKILL
    go_on(place, sandbox, undisturbed)


def interrupted(process: subprocess.Popen[str], how: signal.Signals) -> None:
    """Send the signal, and check for an end in order: its exit code, one line, no traceback."""
    process.send_signal(how)
    ended = end(process)
    assert ended.code == 130, ended.told
    assert "Traceback" not in ended.told
    (line,) = [line for line in ended.told.splitlines() if "nterrupt" in line]
    assert line == "Interrupted. What has arrived is kept: the same command goes on from there."


def test_a_run_interrupted_at_the_terminal_ends_in_order(
    tmp_path: Path, sandbox: RunningSandbox, undisturbed: Undisturbed
) -> None:
    place = small_steps(tmp_path, sandbox)
    sandbox.faults(Fault("timeout", after=40))
    with begun(place) as process:
        until_stalled(sandbox)
        interrupted(process, signal.SIGINT)
    go_on(place, sandbox, undisturbed)


def test_a_command_told_to_end_in_its_second_run_keeps_what_the_first_brought(
    tmp_path: Path, sandbox: RunningSandbox, undisturbed: Undisturbed
) -> None:
    place = small_steps(tmp_path, sandbox)
    sandbox.faults(Fault("timeout", match={"Date": DAYS[0]}))
    with begun(place, first=DAYS[0]) as process:
        until_stalled(sandbox)
        interrupted(process, signal.SIGTERM)
    assert all_rows(place) == undisturbed.tables
    sandbox.faults()
    before = answered(sandbox)
    assert pull(place, *REPORTS, first=DAYS[0]).code == 0
    again = answered(sandbox) - before
    assert again.total() > 60
    assert [call for call in again if f"date={NEWEST}" in call] == []
