"""The lock between processes: one at a time, fair, never stale, and it says who holds it."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import FrameType

import pytest

from optimove_pipeline.errors import BusyError
from optimove_pipeline.file_lock import locked, read_holder
from optimove_pipeline_tests.children import child, line

HOLDER = """
import sys
from pathlib import Path
from optimove_pipeline.file_lock import locked
with locked(Path(sys.argv[1]), "publishing promo_codes", 60):
    print("held", flush=True)
    sys.stdin.readline()
print("released", flush=True)
"""

COMES_BACK = """
import sys
from pathlib import Path
from optimove_pipeline.file_lock import locked
path, turns, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
taken = path.with_name("turns")

def other_waits():
    inode = f":{path.stat().st_ino} "
    return any("->" in entry and inode in entry for entry in Path("/proc/locks").read_text().splitlines())

for _ in range(turns):
    with locked(path, "a turn", 60):
        with taken.open("a") as file:
            file.write(f"{name}\\n")
        while len(taken.read_text().split()) < 2 * turns and not other_waits():
            pass
print("done", flush=True)
"""

TURNS = """
import os, sys, time
from pathlib import Path
from optimove_pipeline.file_lock import locked
path, turns = Path(sys.argv[1]), int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(turns):
    with locked(path, "a turn", 60), path.with_name("turns").open("a") as turns_taken:
        end = time.monotonic() + 0.01
        while time.monotonic() < end:
            pass
        turns_taken.write(f"{os.getpid()}\\n")
print("done", flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb.lock"


def test_who_waits_too_long_is_told_who_holds_the_lock_for_what_and_since_when(path: Path) -> None:
    with child(HOLDER, path) as holder:
        assert line(holder) == "held"
        with pytest.raises(BusyError) as error, locked(path, "a test", 0.05):
            pytest.fail("two processes hold the lock")
    message = str(error.value)
    assert f"process {holder.pid} (-c {path})" in message
    assert "for publishing promo_codes, since 20" in message
    assert "wait for it to end or end it, then start again" in message


def test_a_second_process_waits_for_its_turn_and_then_has_it(path: Path) -> None:
    with child(HOLDER, path) as first:
        assert line(first) == "held"
        with child(HOLDER, path) as second:
            first.communicate("\n")
            assert line(second) == "held"


def test_a_holder_that_was_killed_is_in_nobodys_way(path: Path) -> None:
    with child(HOLDER, path) as holder:
        assert line(holder) == "held"
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert (dead := read_holder(path)) is not None
    assert dead.pid == holder.pid
    with locked(path, "a test", 60):
        assert (alive := read_holder(path)) is not None
        assert alive.pid == os.getpid()


def test_nobody_is_named_once_the_lock_is_free(path: Path) -> None:
    with locked(path, "a test", 60):
        pass
    assert read_holder(path) is None


def test_the_lock_is_free_after_an_error_in_the_block(path: Path) -> None:
    with pytest.raises(ZeroDivisionError), locked(path, "a test", 60):
        _ = 1 / 0
    with locked(path, "a test", 0):
        assert read_holder(path) is not None


def test_who_gives_up_passes_its_turn_on(path: Path) -> None:
    with child(HOLDER, path) as holder:
        assert line(holder) == "held"
        for _ in range(3):
            with pytest.raises(BusyError), locked(path, "a test", 0.01):
                pytest.fail("two processes hold the lock")
    with locked(path, "a test", 60):
        assert (held := read_holder(path)) is not None
        assert held.pid == os.getpid()


def test_who_is_interrupted_while_waiting_passes_its_turn_on(path: Path) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with child(HOLDER, path) as holder:
        assert line(holder) == "held"
        before = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt), locked(path, "a test", 60):
            pytest.fail("two processes hold the lock")
        signal.signal(signal.SIGALRM, before)
    with locked(path, "a test", 60):
        assert read_holder(path) is not None


def test_who_comes_back_at_once_finds_the_other_before_it(path: Path) -> None:
    turns = 20
    with child(COMES_BACK, path, turns, "a") as one, child(COMES_BACK, path, turns, "b") as other:
        assert [line(one), line(other)] == ["done", "done"]
    order = path.with_name("turns").read_text().split()
    assert order in (["a", "b"] * turns, ["b", "a"] * turns)


def test_eight_processes_that_want_it_all_the_time_take_turns(path: Path) -> None:
    processes, turns = 8, 8
    with ExitStack() as stack:
        children = [stack.enter_context(child(TURNS, path, turns)) for _ in range(processes)]
        assert [line(each) for each in children] == ["ready"] * processes
        for each in children:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        assert [line(each) for each in children] == ["done"] * processes
    order = path.with_name("turns").read_text().split()
    assert len(order) == processes * turns
    for pid in set(order):
        taken = [place for place, other in enumerate(order) if other == pid]
        assert max(later - earlier for earlier, later in pairwise(taken)) <= 3 * processes


def test_who_asks_without_waiting_leaves_nobody_in_the_queue(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    for _ in range(50):
        with locked(path, "a test", 0), pytest.raises(BusyError), locked(path, "a second", 0):
            pytest.fail("two have the lock")
        with locked(path, "a third", 0):
            assert path.exists()
