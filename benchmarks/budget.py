"""The budget: calls that 1, 4 and 8 processes get through to a server, against a limiter in each process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import tell
from benchmarks.results import Figure, Section
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox

WINDOWS = ((40, 2.0), (100, 12.0))
SECONDS = 25.9
BASELINE_SECONDS = 3.9
"""Each ends just before a window opens again, so that a moment more or less at the end changes little."""
SIZES = (1, 4, 8)

_FUNCTION = "general/GetLastDataUpdate"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server saw: arrivals, those refused, the most in each window, and arrivals over the calls allowed."""

    arrived: int
    refused: int
    most: tuple[int, ...]
    share: float


def measure_budget() -> Section:
    """Measure the share of the allowed calls that arrive, and the calls beyond the limits."""
    figures = [figure for size in SIZES for figure in _figures(size, _shared(size), _own(size))]
    windows = " and ".join(f"{calls} calls in {span:g} s" for calls, span in WINDOWS)
    note = (
        f"Windows scaled down to {windows}, {SECONDS:g} s, 20 calls at once in each process, arrivals as the server "
        "counted them. Allowed is what one perfect caller gets in that time. In the baseline each process has a "
        f"limiter of its own, with the whole limits, for {BASELINE_SECONDS:g} s."
    )
    return Section("Share of the allowed calls", note, tuple(figures))


def allowed(windows: Sequence[tuple[int, float]], seconds: float) -> int:
    """Return the calls that a perfect caller makes in ``seconds``, each as soon as every window allows it."""
    times: list[float] = []
    while True:
        earliest = [times[-calls] + span for calls, span in windows if len(times) >= calls]
        instant = max([0.0, *times[-1:], *earliest])
        if instant >= seconds:
            return len(times)
        times.append(instant)


def _shared(size: int) -> Seen:
    return _measured(size, SECONDS, lambda _: "shared.sqlite")


def _own(size: int) -> Seen:
    return _measured(size, BASELINE_SECONDS, lambda number: f"own-{number}.sqlite")


def _measured(size: int, seconds: float, budget_file: Callable[[int], str]) -> Seen:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="benchmark-")))
        sandbox = stack.enter_context(running_sandbox(preset="tiny", windows=WINDOWS))
        files = [folder / budget_file(number) for number in range(size)]
        _run([stack.enter_context(_caller(sandbox, file, seconds)) for file in files])
        seen = _seen(sandbox, seconds)
    tell(f"  {size} processes: {seen}")
    return seen


def _caller(sandbox: RunningSandbox, budget_file: Path, seconds: float) -> subprocess.Popen[str]:
    orders = [f"{sandbox.url}/{_FUNCTION}", sandbox.key, str(budget_file), json.dumps(WINDOWS), str(seconds)]
    command = [sys.executable, "-m", "benchmarks.subjects.caller", *orders]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _run(callers: Sequence[subprocess.Popen[str]]) -> None:
    """Let all callers start together once all are ready, and wait until they have ended."""
    for caller in callers:
        assert caller.stdout is not None
        assert caller.stdout.readline() == "ready\n", "a caller ended before it was ready; its message is above"
    for caller in callers:
        assert caller.stdin is not None
        caller.stdin.write("go\n")
        caller.stdin.flush()
    for caller in callers:
        assert caller.wait() == 0, "a caller failed; its message is above"


def _seen(sandbox: RunningSandbox, seconds: float) -> Seen:
    stats = sandbox.stats()
    refused = int(stats["by_status"].get("429", 0))
    most = tuple(window["most"] for window in stats["windows"])
    return Seen(stats["total"], refused, most, stats["total"] / allowed(WINDOWS, seconds))


def _figures(size: int, together: Seen, apart: Seen) -> list[Figure]:
    name = "1 process" if size == 1 else f"{size} processes"
    baseline = "a limiter in each process"
    return [
        Figure(
            f"{name}: share of the allowed calls",
            f"{together.share:.1%}",
            baseline,
            f"{apart.share:.1%}",
            together.share / apart.share,
            "at least 98%",
            together.share >= 0.98,
        ),
        Figure(
            f"{name}: calls that exceed a window",
            f"{together.refused}",
            baseline,
            f"{apart.refused}",
            target="0",
            met=together.refused == 0,
        ),
    ]
