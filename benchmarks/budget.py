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
SECONDS = 25.5
SIZES = (1, 4, 8)

_FUNCTION = "general/GetLastDataUpdate"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server saw: arrivals, those beyond the limits, and the most of them in each window."""

    arrived: int
    refused: int
    most: tuple[int, ...]


def measure_budget() -> Section:
    """Measure the share of the allowed calls that arrive, and the calls beyond the limits."""
    with TemporaryDirectory(prefix="benchmark-") as folder:
        figures = [figure for size in SIZES for figure in _measured(size, Path(folder) / str(size))]
    windows = " and ".join(f"{calls} calls in {span:g} s" for calls, span in WINDOWS)
    note = (
        f"Windows scaled down to {windows}, {SECONDS:g} s, 20 calls at once in each process, arrivals as the server "
        "counted them. Allowed is what one perfect caller gets in that time. In the baseline each process has a "
        "limiter of its own, with the whole limits. Both run at the same time."
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


def _measured(size: int, folder: Path) -> list[Figure]:
    folder.mkdir()
    with ExitStack() as stack:
        shared, own = (stack.enter_context(running_sandbox(preset="tiny", windows=WINDOWS)) for _ in range(2))
        callers = [
            *_callers(stack, shared, size, lambda _: folder / "shared.sqlite"),
            *_callers(stack, own, size, lambda number: folder / f"own-{number}.sqlite"),
        ]
        _run(callers)
        together, apart = _seen(shared), _seen(own)
    tell(f"  {size} processes: shared {together}, own {apart}")
    return _figures(size, together, apart)


def _callers(
    stack: ExitStack, sandbox: RunningSandbox, size: int, budget_file: Callable[[int], Path]
) -> list[subprocess.Popen[str]]:
    return [stack.enter_context(_caller(sandbox, budget_file(number))) for number in range(size)]


def _caller(sandbox: RunningSandbox, budget_file: Path) -> subprocess.Popen[str]:
    orders = [f"{sandbox.url}/{_FUNCTION}", sandbox.key, str(budget_file), json.dumps(WINDOWS), str(SECONDS)]
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


def _seen(sandbox: RunningSandbox) -> Seen:
    stats = sandbox.stats()
    refused = int(stats["by_status"].get("429", 0))
    return Seen(stats["total"], refused, tuple(window["most"] for window in stats["windows"]))


def _figures(size: int, together: Seen, apart: Seen) -> list[Figure]:
    possible = allowed(WINDOWS, SECONDS)
    name = "1 process" if size == 1 else f"{size} processes"
    baseline = "a limiter in each process"
    share = together.arrived / possible
    return [
        Figure(
            f"{name}: share of the {possible} calls allowed",
            f"{share:.1%}",
            baseline,
            f"{apart.arrived / possible:.1%}",
            together.arrived / apart.arrived,
            "at least 98%",
            share >= 0.98,
        ),
        Figure(
            f"{name}: calls refused by the server",
            f"{together.refused}",
            baseline,
            f"{apart.refused}",
            None,
            "0",
            together.refused == 0,
        ),
    ]
