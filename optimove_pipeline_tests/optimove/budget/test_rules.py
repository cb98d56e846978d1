"""The rules under any schedule: processes that come, wait, send late, die, and a clock that is set back."""

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from optimove_pipeline.optimove.budget import CallClass, FileStore, Window, rules
from optimove_pipeline.optimove.budget.store import Session
from optimove_pipeline.optimove.budget.windows import limits_of
from optimove_pipeline_tests.optimove.budget.fleet import most_in_any

GUARD = 0.1
RESERVE = 0.2
IN_MEMORY = Path(":memory:")


@dataclass(frozen=True, slots=True)
class Actor:
    """A process that makes ``calls`` calls one after the other.

    Each takes ``connect`` seconds from its grant to its stamp, and ``way`` more to the server. It dies after
    ``grants`` grants, without a stamp for the last.
    """

    call_class: CallClass = CallClass.DAILY
    calls: int = 1
    others: int = 0
    starts: float = 0.0
    connect: float = 0.0
    way: float = 0.0
    grants: int | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """A call as the server sees it."""

    time: float
    call_class: CallClass
    process: str


@dataclass(slots=True)
class World:
    """Virtual time, what happens in it, and the arrivals that the server sees."""

    windows: Sequence[Window]
    session: Session | None = None
    time: float = 0.0
    wall: float = 1_800_000_000.0
    arrivals: list[Arrival] = field(default_factory=list)
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)

    def at(self, seconds: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._events, (seconds, next(self._order), happens))

    def now(self) -> float:
        return self.wall + self.time

    def set_back(self, seconds: float) -> None:
        self.wall -= seconds

    def play(self, actors: Sequence[Actor], until: float = float("inf")) -> None:
        with closing(FileStore(IN_MEMORY, self.now).open()) as self.session:
            for number, actor in enumerate(actors):
                self.at(actor.starts, Process(self, actor, str(number)).ask)
            while self._events and self._events[0][0] <= until:
                self.time, _, happens = heapq.heappop(self._events)
                happens()

    def times(self, *classes: CallClass) -> list[float]:
        return sorted(arrival.time for arrival in self.arrivals if arrival.call_class in classes)


class Process:
    """An actor at work, as a budget object would be."""

    def __init__(self, world: World, actor: Actor, name: str) -> None:
        limits = limits_of(world.windows, actor.call_class, reserve=RESERVE, guard=GUARD)
        self._world, self._actor = world, actor
        self._asker = rules.Asker("client", name, actor.call_class, limits)
        self._left = actor.calls
        self._grants = 0

    def ask(self) -> None:
        assert self._world.session is not None
        others = min(self._actor.others, self._left - 1)
        answer = self._world.session.run("client", lambda turn: rules.ask(turn, self._asker, others))
        if isinstance(answer, rules.Later):
            self._world.at(self._world.time + max(answer.again, 0.001), self.ask)
        else:
            self._granted(answer.grant_id)

    def _granted(self, grant_id: str) -> None:
        self._grants += 1
        granted_at = self._world.time
        if self._grants != self._actor.grants:
            self._world.at(granted_at + self._actor.connect, lambda: self._send(grant_id, granted_at))

    def _send(self, grant_id: str, granted_at: float) -> None:
        assert self._world.session is not None
        age = self._world.time - granted_at
        stamp = self._world.session.run(
            "client", lambda turn: rules.stamp(turn, self._asker, grant_id, lead=0.0, age=age)
        )
        if stamp.counts:
            arrives_at = self._world.time + self._actor.way
            self._world.arrivals.append(Arrival(arrives_at, self._actor.call_class, self._asker.owner))
            self._left -= 1
        else:
            self._world.session.run("client", lambda turn: rules.give_back(turn, grant_id))
        if self._left:
            self.ask()


_windows = st.lists(
    st.builds(Window, st.integers(2, 12), st.floats(0.5, 30.0).map(lambda seconds: round(seconds, 2))),
    min_size=1,
    max_size=3,
)
_actors = st.lists(
    st.builds(
        Actor,
        call_class=st.sampled_from(CallClass),
        calls=st.integers(1, 25),
        others=st.integers(0, 5),
        starts=st.floats(0.0, 20.0),
        connect=st.floats(0.0, 0.45),
        way=st.floats(0.0, GUARD),
        grants=st.none() | st.integers(1, 10),
    ),
    min_size=1,
    max_size=5,
)
_slow_actors = st.builds(Actor, calls=st.integers(1, 4), connect=st.floats(0.0, 40.0), way=st.floats(0.0, GUARD))
_set_backs = st.lists(st.tuples(st.floats(0.0, 60.0), st.floats(0.0, 4000.0)), max_size=2)


@settings(max_examples=30)
@given(_windows, _actors, st.lists(_slow_actors, max_size=2), _set_backs)
def test_no_schedule_exceeds_a_window(
    windows: list[Window], actors: list[Actor], slow: list[Actor], set_backs: list[tuple[float, float]]
) -> None:
    world = World(windows)
    for instant, seconds in set_backs:
        world.at(instant, partial(world.set_back, seconds))
    world.play([*actors, *slow], until=600.0)
    for window in windows:
        backfill_share = int(window.calls * (1 - RESERVE) + 1e-9)
        assert most_in_any(world.times(*CallClass), window.seconds) <= window.calls
        assert most_in_any(world.times(CallClass.BACKFILL), window.seconds) <= backfill_share


@settings(max_examples=30)
@given(_windows, st.integers(1, 60))
def test_a_greedy_caller_loses_nothing_but_the_guard(windows: list[Window], calls: int) -> None:
    world = World(windows)
    world.play([Actor(calls=calls)])
    best = _greedy([Window(window.calls, window.seconds + GUARD) for window in windows], calls)
    assert all(
        abs(a - b) < 0.005 * (n + 1) for n, (a, b) in enumerate(zip(world.times(*CallClass), best, strict=True))
    )


@settings(max_examples=30)
@given(_windows, st.integers(2, 6), st.integers(5, 20))
def test_greedy_callers_together_lose_no_more(windows: list[Window], processes: int, calls: int) -> None:
    world = World(windows)
    world.play([Actor(calls=calls, others=calls) for _ in range(processes)])
    best = _greedy([Window(window.calls, window.seconds + GUARD) for window in windows], processes * calls)
    rounds = best[-1] / min(window.seconds for window in windows) + 1
    assert world.times(*CallClass)[-1] <= best[-1] + 0.2 * rounds


def _greedy(windows: Sequence[Window], calls: int) -> list[float]:
    times: list[float] = []
    while len(times) < calls:
        earliest = [times[-w.calls] + w.seconds for w in windows if len(times) >= w.calls]
        times.append(max([0.0, *times[-1:], *earliest]))
    return times


def test_waiting_processes_share_each_window_equally() -> None:
    world = World([Window(12, 10.0)])
    world.play([Actor(calls=20, others=20) for _ in range(4)], until=35.0)
    # In the first window nobody waits yet, so nobody's share is known.
    for first in (12, 24, 36):
        processes = [arrival.process for arrival in world.arrivals[first : first + 12]]
        assert Counter(processes) == dict.fromkeys("0123", 3)


@contextmanager
def _asking(window: Window) -> Iterator[Callable[..., rules.Granted | rules.Later]]:
    """A function that asks at a time for a name, with so many other calls behind it."""
    world = World([window])
    limits = limits_of(world.windows, CallClass.DAILY, reserve=RESERVE, guard=0.0)
    with closing(FileStore(IN_MEMORY, world.now).open()) as session:

        def ask(time: float, name: str, others: int = 0) -> rules.Granted | rules.Later:
            world.time = time
            asker = rules.Asker("client", name, CallClass.DAILY, limits)
            return session.run("client", lambda turn: rules.ask(turn, asker, others))

        yield ask


def test_a_slow_process_ahead_holds_nobody_up_while_there_is_room_for_both() -> None:
    with _asking(Window(2, 3.0)) as ask:
        answers = [ask(0.0, "first"), ask(0.0, "first"), ask(0.1, "slow"), ask(0.2, "last"), ask(3.01, "last")]
    kinds = [type(answer) for answer in answers]
    assert kinds == [rules.Granted, rules.Granted, rules.Later, rules.Later, rules.Granted]


def test_slow_processes_ahead_keep_one_call_each_and_lose_their_share() -> None:
    with _asking(Window(8, 3.0)) as ask:
        spent = [ask(0.0, "first") for _ in range(8)]
        for name in ("slow", "slower", "slowest", "asleep"):
            ask(0.1, name, 9)
        answers = [ask(3.01, "last", 9) for _ in range(5)]
    assert all(isinstance(answer, rules.Granted) for answer in (*spent, *answers[:4]))
    assert isinstance(answers[4], rules.Later)


def test_a_process_with_more_calls_waiting_is_left_a_call_after_its_grant() -> None:
    with _asking(Window(8, 3.0)) as ask:
        answers = [ask(0.0, "first", 9), *(ask(0.1, "second", 9) for _ in range(7))]
        assert isinstance(ask(0.2, "first", 8), rules.Granted)
    assert [isinstance(answer, rules.Granted) for answer in answers] == [True] * 7 + [False]


def test_a_dead_process_ahead_holds_up_others_for_its_lease_at_most() -> None:
    with _asking(Window(2, 7.0)) as ask:
        answers = [ask(0.0, "first"), ask(2.0, "first"), ask(2.1, "dead"), ask(2.2, "last"), ask(7.01, "last")]
        kinds = [type(answer) for answer in answers]
        assert kinds == [rules.Granted, rules.Granted, rules.Later, rules.Later, rules.Later]
        assert isinstance(ask(2.1 + rules.LEASE_SECONDS + 0.01, "last"), rules.Granted)
