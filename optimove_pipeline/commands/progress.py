"""Progress of a command's runs, also while one report makes calls for hours.

On a terminal it is a picture that is kept up to date. Elsewhere it is a line for each stage that ends, and one a
minute in between.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

import dagster as dg
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text

from optimove_pipeline.assets.selection import PULLED, SENT
from optimove_pipeline.call_tail import CallTail
from optimove_pipeline.commands.account import CALLING, Account, Step
from optimove_pipeline.commands.pace import Pace
from optimove_pipeline.commands.standing import standing
from optimove_pipeline.commands.stopping import Stop
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.runs import Planned

BEAT_SECONDS = 60.0
"""Between two lines that tell where things stand, off a terminal."""

LOOK_SECONDS = 1.0
"""Between two looks at the calls made, on a terminal."""

OUTLOOK_SECONDS = 10.0
"""How long what is ahead is not worked out anew."""

WAIT_SECONDS = 3.0
"""A shorter wait for the budget is not worth a word."""

_ENDS = {
    dg.DagsterEventType.STEP_SUCCESS: "",
    dg.DagsterEventType.STEP_FAILURE: "FAILED",
    dg.DagsterEventType.STEP_SKIPPED: "skipped",
}
_BUDGET_LOGGER = "optimove_pipeline.optimove.budget"


class Progress:
    """Follows runs by Dagster's events and the calls recorded, and shows them while it is entered as a context.

    ``pace`` gives the budget's state; ``beat`` is the time between two lines off a terminal, in seconds.
    """

    def __init__(
        self,
        account: Account,
        console: Console,
        calls: CallTail,
        pace: Callable[[], Pace],
        stop: Stop,
        *,
        beat: float = BEAT_SECONDS,
    ) -> None:
        self._account = account
        self._console = console
        self._calls = calls
        self._pace = pace
        self._ahead: _Outlook | None = None
        self._stop = stop
        self._beat = beat
        self._run_id = ""
        self._made: dict[str, tuple[int, int, int]] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._pulse = threading.Thread(target=self._watch, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if self._console.is_interactive:
            self._live.start()
        self._pulse.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._pulse.join()
        self._live.stop()

    def begin(self, run_id: str, planned: Planned) -> None:
        """Note that a run begins; raise KeyboardInterrupt if the command was asked to stop."""
        self._stop.check()
        with self._lock:
            self._run_id = run_id
            self._account.begin_run()

    def tell(self, event: dg.DagsterEvent) -> None:
        """Note an event of the run."""
        self._look()
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION:
            self._count(event)
        step = _step(event)
        if step is None:
            return
        if event.event_type is dg.DagsterEventType.STEP_START:
            with self._lock:
                self._account.begin_step(step)
        elif event.event_type in _ENDS:
            with self._lock:
                self._account.end_step(step)
            self._tell_end(step, "stopped" if event.is_step_failure and self._stop.asked else _ENDS[event.event_type])

    def _count(self, event: dg.DagsterEvent) -> None:
        materialization = event.step_materialization_data.materialization
        asset = materialization.asset_key.to_user_string()
        days, rows, calls = self._made.get(asset, (0, 0, 0))
        counts = (_whole(materialization.metadata.get(name)) for name in ("dagster/row_count", "calls"))
        self._made[asset] = (days + 1, rows + next(counts), calls + next(counts))
        if materialization.asset_key.path[0] == PULLED[-1]:
            with self._lock:
                self._account.add_day()

    def _look(self) -> None:
        with self._lock:
            for call in self._calls.new(self._run_id):
                self._account.add_call(call["rows"] or 0)

    def _tell_end(self, step: Step, trouble: str) -> None:
        """Print a line for a step that has ended; on a terminal only if something is wrong."""
        said = trouble or self._said("/".join(step))
        if self._console.is_interactive and not trouble:
            return
        done, total = self._account.steps, self._account.steps_in_all
        self._print(f"[{done:>{len(str(total))}}/{total}] {'/'.join(step)}: {said}")

    def _said(self, asset: str) -> str:
        days, rows, calls = self._made.pop(asset, (0, 0, 0))
        said = f"{days} {'day' if days == 1 else 'days'}, {rows:,} rows"
        return f"{said}, {calls:,} {'call' if calls == 1 else 'calls'}" if calls else said

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS if self._console.is_interactive else self._beat):
            self._look()
            lines = self._standing()
            if self._console.is_interactive:
                self._live.update(self._picture(lines), refresh=True)
            else:
                self._print("; ".join(lines))

    def _standing(self) -> list[str]:
        outlook = self._outlook()
        with self._lock:
            return standing(self._account, outlook.seconds_left(self._account.now()), outlook.waits_until)

    def _picture(self, lines: list[str]) -> Group:
        with self._lock:
            made, left = self._account.calls, self._account.calls_left
        return Group(
            *(Text(line, no_wrap=True, overflow="ellipsis") for line in lines),
            ProgressBar(total=made + left or 1, completed=made, width=60),
        )

    def _outlook(self) -> _Outlook:
        """Return what is ahead, worked out anew every few seconds: the budget is asked for it."""
        now = self._account.now()
        if self._ahead is None or now - self._ahead.at > OUTLOOK_SECONDS:
            pace = self._pace()
            with self._lock:
                self._ahead = _outlook(self._account, pace, now)
        return self._ahead

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class _Outlook:
    """What was ahead ``at`` a moment of the account's clock."""

    at: float
    left: float
    waits_until: datetime | None

    def seconds_left(self, now: float) -> float:
        return max(self.left - (now - self.at), 0.0)


def _outlook(account: Account, pace: Pace, now: float) -> _Outlook:
    return _Outlook(
        now, account.seconds_left(lambda calls: pace.forecast(calls).seconds), _waits_until(account, pace)
    )


def _waits_until(account: Account, pace: Pace) -> datetime | None:
    """Return when the next call may be made (UTC), if the step under way has to wait for it."""
    if account.active is None or account.active.step[0] != CALLING or not pace.traffic.waiting.get(pace.call_class):
        return None
    seconds = pace.forecast(1).seconds
    return datetime.now(UTC) + timedelta(seconds=seconds) if seconds > WAIT_SECONDS else None


def _step(event: dg.DagsterEvent) -> Step | None:
    stage, _, report = (event.step_key or "").partition("__")
    return (stage, report) if stage in PULLED + SENT and report in BY_NAME else None


def _whole(value: dg.MetadataValue[Any] | None) -> int:
    return value.value if value is not None and isinstance(value.value, int) else 0


@contextmanager
def told_by_progress() -> Iterator[None]:
    """Keep the log's own lines of waits for the budget off the console: progress tells them."""
    handlers = [] if logging.getLogger(_BUDGET_LOGGER).isEnabledFor(logging.DEBUG) else logging.getLogger().handlers

    def other(record: logging.LogRecord) -> bool:
        return not record.name.startswith(_BUDGET_LOGGER)

    for handler in handlers:
        handler.addFilter(other)
    try:
        yield
    finally:
        for handler in handlers:
            handler.removeFilter(other)
