"""The account of a command's runs: what is done, what is left, and how long that is likely to take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from optimove_pipeline.assets.selection import PULLED
from optimove_pipeline.commands.missing import days_of
from optimove_pipeline.runs import Planned

CALLING = PULLED[0]
"""The stage that makes calls."""

_LEAST_RATIO, _MOST_RATIO = 0.1, 10.0

Step = tuple[str, str]
"""A stage and a report."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One run, the calls that each of its reports is expected to take, and how many steps it has."""

    run: Planned
    calls: Mapping[str, int]
    steps: int


@dataclass(slots=True)
class Active:
    """The step under way: since when (seconds of the account's clock), and its calls and rows so far."""

    step: Step
    since: float
    calls: int = 0
    rows: int = 0


@dataclass(slots=True)
class _Spent:
    """Steps that have ended, and the seconds they took."""

    steps: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Account:
    """What runs have done so far. ``now`` is a clock in seconds, of which only differences count."""

    expected: Sequence[Expected]
    now: Callable[[], float]
    run: int = 0
    steps: int = 0
    days: int = 0
    calls: int = 0
    rows: int = 0
    active: Active | None = None
    _began: float = field(init=False)
    _ended: set[Step] = field(default_factory=set)
    _took: dict[str, tuple[int, int]] = field(default_factory=dict)
    _spent: dict[bool, _Spent] = field(default_factory=lambda: {True: _Spent(), False: _Spent()})

    def __post_init__(self) -> None:
        self._began = self.now()

    def begin_run(self) -> None:
        """Note that the next run begins."""
        self.run += 1
        self._ended.clear()
        self.active = None

    def begin_step(self, step: Step) -> None:
        """Note that a step begins."""
        self.active = Active(step, self.now())

    def add_call(self, rows: int) -> None:
        """Note a call that was made, and the rows that it brought."""
        self.calls += 1
        self.rows += rows
        if self.active is not None:
            self.active.calls += 1
            self.active.rows += rows

    def add_day(self) -> None:
        """Note a day that was published."""
        self.days += 1

    def end_step(self, step: Step) -> None:
        """Note that a step has ended, well or not."""
        self.steps += 1
        self._ended.add(step)
        if self.active is None or self.active.step != step:
            return
        calling = step[0] == CALLING
        self._spent[calling].steps += 1
        self._spent[calling].seconds += self.now() - self.active.since
        if calling:
            made, thought = self._took.get(step[1], (0, 0))
            self._took[step[1]] = made + self.active.calls, thought + self._current.calls.get(step[1], 0)
        self.active = None

    @property
    def seconds(self) -> float:
        """The seconds since the account was opened."""
        return self.now() - self._began

    @property
    def reports_of_run(self) -> tuple[int, int]:
        """How many reports of this run are published or given up, and how many it has."""
        reports = self._current.run.reports
        return sum((PULLED[-1], report.name) in self._ended for report in reports), len(reports)

    @property
    def days_in_all(self) -> int:
        """The days of all reports over all runs."""
        return sum(len(each.run.reports) * len(days_of(each.run)) for each in self.expected)

    @property
    def steps_in_all(self) -> int:
        """The steps of all runs."""
        return sum(each.steps for each in self.expected)

    @property
    def calls_left(self) -> int:
        """The calls that are likely still to be made: as expected, set right by what reports took so far."""
        later = [item for each in self.expected[self.run :] for item in each.calls.items()]
        now = [*self._current.calls.items()] if self.run else []
        return round(sum(self._likely(*item) for item in later) + sum(self._left_now(*item) for item in now))

    def seconds_left(self, forecast: Callable[[int], float]) -> float:
        """Return the seconds that are likely left; ``forecast`` gives how long the budget has so many calls take."""
        left = self.calls_left
        spent = self._spent[True].seconds
        if self.active is not None and self.active.step[0] == CALLING:
            spent += self.now() - self.active.since
        by_pace = left * spent / self.calls if self.calls else 0.0
        return max(forecast(left), by_pace) + self._quiet_seconds_left()

    def _quiet_seconds_left(self) -> float:
        """Return the seconds that the steps without calls are likely to take still."""
        done = self._spent[False]
        left = sum(each.steps - len(each.run.reports) for each in self.expected) - done.steps
        return left * done.seconds / done.steps if done.steps else 0.0

    @property
    def _current(self) -> Expected:
        return self.expected[max(self.run - 1, 0)]

    def _left_now(self, report: str, calls: int) -> float:
        if (CALLING, report) in self._ended:
            return 0.0
        made = self.active.calls if self.active is not None and self.active.step == (CALLING, report) else 0
        return max(self._likely(report, calls) - made, 0.0)

    def _likely(self, report: str, calls: int) -> float:
        made, thought = self._took.get(report, (0, 0))
        if not thought:
            return calls
        return calls * min(max(made / thought, _LEAST_RATIO), _MOST_RATIO)
