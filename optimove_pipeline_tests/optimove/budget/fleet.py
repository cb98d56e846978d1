"""Processes for the budget's tests, and the arithmetic of windows to judge them by."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from optimove_pipeline.optimove.budget import Window
from optimove_pipeline_tests.optimove.budget.hammer import Orders

_FOLDER = "optimove_pipeline_tests.optimove.budget"
_ROOT = Path(__file__).parents[3]
_EXIT_SECONDS = 60


@dataclass(slots=True)
class Arrivals:
    """What the counting server saw: seconds of the monotonic clock, by the path that was called."""

    url: str
    by_path: dict[str, list[float]] = field(default_factory=dict)

    @property
    def times(self) -> list[float]:
        return sorted(time for times in self.by_path.values() for time in times)


@contextmanager
def counting_server() -> Iterator[Arrivals]:
    """A server that counts; the arrivals are filled in when the block ends."""
    with _process("counting_server") as server:
        arrivals = Arrivals(f"http://127.0.0.1:{int(_line_of(server))}")
        yield arrivals
        output, _ = server.communicate(timeout=_EXIT_SECONDS)
        for path, instant in json.loads(output):
            arrivals.by_path.setdefault(path, []).append(instant)


@dataclass(frozen=True, slots=True)
class Hammers:
    """A process for each of the orders, by its id, and the one that started them."""

    starter: "subprocess.Popen[str]"
    ids: list[int]

    def go(self) -> None:
        """Let them start together."""
        assert self.starter.stdin is not None
        self.starter.stdin.close()

    def wait(self) -> None:
        """Wait until all have ended, and well unless they were killed."""
        assert self.starter.wait(timeout=_EXIT_SECONDS) == 0


@contextmanager
def ready_hammers(orders: Sequence[Orders]) -> Iterator[Hammers]:
    """A hammer for each of the orders, started and waiting for ``go``; killed if the block fails."""
    with _process("hammer", json.dumps([asdict(order) for order in orders])) as starter:
        yield Hammers(starter, json.loads(_line_of(starter)))


@dataclass(frozen=True, slots=True)
class Grabbers:
    """Processes that make call after call on a store, one after the other."""

    starter: "subprocess.Popen[str]"

    def start(self) -> int:
        """Start one, and return its id once it has made a call."""
        assert self.starter.stdin is not None
        self.starter.stdin.write("another\n")
        self.starter.stdin.flush()
        process_id = int(_line_of(self.starter))
        assert _line_of(self.starter) == "."
        return process_id

    def calls_until_killed(self, process_id: int) -> int:
        """Kill one, and return how many calls it told of since the first."""
        os.kill(process_id, signal.SIGKILL)
        calls = 0
        while (told := _line_of(self.starter)) != "ended":
            assert told == "."
            calls += 1
        return calls


@contextmanager
def grabbers(place: str) -> Iterator[Grabbers]:
    """Processes that make call after call on the store at ``place``; killed at the end, if not before."""
    with _process("grabber", place) as starter:
        yield Grabbers(starter)


def most_in_any(times: Sequence[float], seconds: float) -> int:
    """The most arrivals in any ``seconds`` seconds."""
    first, most = 0, 0
    for last, instant in enumerate(times):
        while times[first] <= instant - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def allowed_in(windows: Sequence[Window], seconds: float) -> int:
    """The calls that a perfect greedy caller makes in ``seconds``, each as soon as every window allows it."""
    times: list[float] = []
    while True:
        earliest = [times[-w.calls] + w.seconds for w in windows if len(times) >= w.calls]
        instant = max([0.0, *times[-1:], *earliest])
        if instant >= seconds:
            return len(times)
        times.append(instant)


@contextmanager
def _process(module: str, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", f"{_FOLDER}.{module}", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def _line_of(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
