"""A run that is killed or interrupted at any moment: the next one goes on where it was, and ends the same."""

from __future__ import annotations

import fcntl
import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.commands.pace import pace_of
from optimove_pipeline.commands.stopping import STOPPED
from optimove_pipeline.config import load_settings
from optimove_pipeline.file_lock import locked
from optimove_pipeline.optimove.budget import CallClass
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.forked import Forked
from optimove_pipeline_tests.end_to_end.place import (
    DAYS,
    NEWEST,
    Place,
    Rows,
    all_rows,
    begin,
    end,
    environment,
    history_of,
    pull,
    run,
    settle,
    tables,
)

REPORT = "customer_send_details_by_campaign"
"""It reads another report, which comes with it, and asks for pages of each campaign."""

CHOSEN = ("--report", REPORT)
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
    ended = pull(place, REPORT)
    assert ended.code == 0, ended.told
    return Undisturbed(all_rows(place), answered(started))


def small_steps(root: Path, sandbox: RunningSandbox, **settings: Any) -> Place:
    """A place whose runs make many calls, few at a time."""
    return settle(root, sandbox, api={"page_size": 3, "concurrency": IN_FLIGHT}, **settings)


def answered(sandbox: RunningSandbox) -> Calls:
    """The calls that the server has answered since the last reset, but for the date of the last data update."""
    return Counter(
        (call["function"], *map("=".join, sorted(call["parameters"].items())))
        for call in sandbox.stats()["calls"]
        if call["fault"] is None and call["function"] != ASKED_EACH_TIME
    )


@contextmanager
def begun(place: Place, first: date = NEWEST) -> Iterator[Forked]:
    """Start a run; it is killed at the end at the latest."""
    with begin(place, *period(first)) as process:
        try:
            yield process
        finally:
            process.kill()


def period(first: date) -> list[str]:
    return ["run", "--from", str(first), "--to", str(NEWEST), *CHOSEN]


def until_stalled(sandbox: RunningSandbox) -> None:
    """Wait until a call has met the fault that leaves it without an answer."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while not any(call["fault"] for call in sandbox.stats()["calls"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def go_on(place: Place, sandbox: RunningSandbox, undisturbed: Undisturbed) -> None:
    """Run again: the same tables, and hardly a call made twice."""
    sandbox.faults()
    ended = pull(place, REPORT)
    assert ended.code == 0, ended.told
    assert all_rows(place) == undisturbed.tables
    both = answered(sandbox)
    assert both.keys() == undisturbed.calls.keys()
    assert (both - undisturbed.calls).total() <= IN_FLIGHT


@pytest.mark.parametrize("calls", [3, 30])
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
        assert any("published/" in line for line in process.stderr)  # reads up to the first table
        process.kill()
        assert end(process).code == -signal.SIGKILL
    go_on(place, sandbox, undisturbed)


def interrupted(process: Forked, *how: signal.Signals) -> None:
    """Send the signals, and check for an end in order: its exit code, one line, no traceback."""
    for number in how:
        process.send_signal(number)
    ended = end(process)
    assert ended.code == 130, ended.told
    assert "Traceback" not in ended.told
    (line,) = [line for line in ended.told.splitlines() if "nterrupt" in line]
    assert line == STOPPED


def test_a_run_interrupted_twice_at_the_terminal_ends_and_the_plan_knows_what_is_left(
    tmp_path: Path, sandbox: RunningSandbox, undisturbed: Undisturbed
) -> None:
    place = small_steps(tmp_path, sandbox)
    sandbox.faults(Fault("timeout", after=15))
    with begun(place) as process:
        until_stalled(sandbox)
        interrupted(process, signal.SIGINT, signal.SIGINT)
    sandbox.faults()
    plan = json.loads(run(place, "plan", "--json", *CHOSEN, "--from", str(NEWEST), "--to", str(NEWEST)).out)
    before = answered(sandbox)
    assert 0 < plan["landed"] <= before.total()
    go_on(place, sandbox, undisturbed)
    assert plan["low"] <= (answered(sandbox) - before).total() <= plan["high"]


def test_a_run_that_waits_an_hour_for_the_budget_ends_at_once(
    tmp_path: Path, sandbox: RunningSandbox, undisturbed: Undisturbed
) -> None:
    place = small_steps(tmp_path, sandbox, budget={"windows": [{"calls": 20, "seconds": 3600}]})
    with begun(place) as process:
        until_waiting(place)
        interrupted(process, signal.SIGTERM)
    assert [*runs(place)] == [dg.DagsterRunStatus.FAILURE]
    small_steps(tmp_path, sandbox)
    go_on(place, sandbox, undisturbed)


def until_waiting(place: Place) -> None:
    """Wait until a call waits for the budget."""
    with environment(place):
        settings = load_settings()
        deadline = time.monotonic() + LONGEST_SECONDS
        while not pace_of(settings, CallClass.DAILY).traffic.waiting:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def runs(place: Place) -> Iterator[dg.DagsterRunStatus]:
    """What Dagster's history says of the runs."""
    with history_of(place) as instance:
        yield from (each.status for each in instance.get_runs())


def test_a_run_interrupted_while_it_waits_to_publish_leaves_no_table(
    tmp_path: Path, sandbox: RunningSandbox, undisturbed: Undisturbed
) -> None:
    place = small_steps(tmp_path, sandbox)
    with locked(place.data / "warehouse.duckdb.lock", "a test", 0), begun(place) as process:
        assert any("validated/" in line for line in process.stderr)  # reads up to the first that may be published
        until_waited_for(place.data / "warehouse.duckdb.lock")
        interrupted(process, signal.SIGINT)
    assert tables(place) == []
    go_on(place, sandbox, undisturbed)


def until_waited_for(lock: Path) -> None:
    """Wait until another process stands at the door of a lock."""
    deadline = time.monotonic() + LONGEST_SECONDS
    with lock.with_name(f"{lock.name}.door").open() as door:
        while _free(door.fileno()):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _free(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    fcntl.flock(file, fcntl.LOCK_UN)
    return True


def test_a_command_interrupted_at_its_first_question_ends_before_anything_is_written(
    tmp_path: Path, sandbox: RunningSandbox
) -> None:
    place = small_steps(tmp_path, sandbox)
    sandbox.faults(Fault("timeout"))
    with begun(place) as process:
        until_stalled(sandbox)
        interrupted(process, signal.SIGTERM)
    assert tables(place) == []
    assert not (place.data / "dagster").exists()


def test_a_command_told_to_end_in_its_second_run_keeps_what_the_first_brought(
    tmp_path: Path, sandbox: RunningSandbox, undisturbed: Undisturbed
) -> None:
    place = small_steps(tmp_path, sandbox)
    sandbox.faults(Fault("timeout", match={"Date": DAYS[1]}))
    with begun(place, first=DAYS[1]) as process:
        until_stalled(sandbox)
        interrupted(process, signal.SIGTERM)
    assert all_rows(place) == undisturbed.tables
    sandbox.faults()
    before = answered(sandbox)
    assert pull(place, REPORT, first=DAYS[1]).code == 0
    again = answered(sandbox) - before
    assert again.total() > 40
    assert [call for call in again if f"date={NEWEST}" in call] == []
