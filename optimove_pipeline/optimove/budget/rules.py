"""Who may call now: the rules of the budget, as functions on one transaction of any store.

A grant is a call that may be made now. It counts in every window from the grant on, and from its stamp once it has
one. Who can't have one gets a ticket, which keeps its owner's place: the daily run before backfills, then by arrival.
A grant sends its owner to the back. Somebody behind may still go first, as long as enough is left for those ahead:
everything to a higher class, and a share of the room to each of the same class. So nobody is starved, and nobody slow
holds up the others.
"""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from optimove_pipeline.optimove.budget.store import Transaction
from optimove_pipeline.optimove.budget.windows import CallClass, Limit

HEARTBEAT_SECONDS = 1.0
"""A waiting owner comes back at least this often, to show that it lives and to see who has gone."""
LEASE_SECONDS = 5.0
"""A ticket whose owner was not seen for this long is void: it died, or its loop stands still."""
MAX_LEAD_SECONDS = 5.0
"""The furthest that a stamp may lie ahead of the clock; what lies further ahead comes from a clock set back."""
_FRESH_SECONDS = 2 * HEARTBEAT_SECONDS
"""Only an owner seen this lately has a share kept for it; one that is late keeps its place, and one call."""
_SHARE_SECONDS = 0.1
"""When to look again if there is room, but others have not yet taken their share of it."""
_KEPT_SECONDS = 3600.0 + 60.0
"""Grants are kept at least this long, so that a process with shorter windows deletes none that others count."""


@dataclass(frozen=True, slots=True)
class Asker:
    """One budget object: whose calls it counts, its own name, its class and that class's limits."""

    client: str
    owner: str
    call_class: CallClass
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class Granted:
    """A call may be made now; ``grant_id`` names its row."""

    grant_id: str


@dataclass(frozen=True, slots=True)
class Later:
    """No call now: one is expected in ``expected`` seconds, and it is worth asking again in ``again`` seconds."""

    expected: float
    again: float


@dataclass(frozen=True, slots=True)
class Stamp:
    """Whether the grant ``counts`` from now on, by a clock read at ``read_at`` (``time.monotonic()``)."""

    counts: bool
    read_at: float


@dataclass(frozen=True, slots=True)
class _Ticket:
    number: float
    call_class: CallClass
    owner: str
    wanted: int
    seen: float


def ask(turn: Transaction, asker: Asker, others: int) -> Granted | Later:
    """A grant if it is the asker's turn and there is room; else its place is kept.

    ``others`` calls wait behind this one in the same budget object.
    """
    _clear(turn, asker)
    ahead = _ahead(turn, asker)
    room = min(limit.calls - _used(turn, asker.client, limit) for limit in asker.limits)
    kept = _kept(ahead, asker.call_class, room, turn.now)
    if room > kept:
        return _grant(turn, asker, others)
    _queue(turn, asker, others + 1)
    return _later(turn, asker, room, kept)


def stamp(turn: Transaction, asker: Asker, grant_id: str, lead: float, age: float) -> Stamp:
    """Move the grant to ``lead`` seconds from now, never back, unless it is too old to count everywhere.

    Until a grant leaves the shortest window, everybody who was granted a call since has counted it; so moving it
    exceeds nothing. A stamp ahead of the clock only counts for longer. ``age``, the seconds since the grant was asked
    for by the owner's monotonic clock, tells the truth when the store's clock was set back in between.
    """
    shortest = min(limit.seconds for limit in asker.limits)
    granted = turn.rows("SELECT at FROM optimove_budget_grants WHERE id = ?", grant_id)
    if not granted or cast(float, granted[0][0]) <= turn.now - shortest or age >= shortest:
        return Stamp(counts=False, read_at=turn.read_at)
    at = max(cast(float, granted[0][0]), turn.now + min(lead, MAX_LEAD_SECONDS))
    turn.do("UPDATE optimove_budget_grants SET at = ? WHERE id = ?", at, grant_id)
    return Stamp(counts=True, read_at=turn.read_at)


def give_back(turn: Transaction, grant_id: str) -> None:
    """Forget a grant whose call was not made."""
    turn.do("DELETE FROM optimove_budget_grants WHERE id = ?", grant_id)


def withdraw(turn: Transaction, owner: str) -> None:
    """Give up the owner's place."""
    turn.do("DELETE FROM optimove_budget_tickets WHERE owner = ?", owner)


def _clear(turn: Transaction, asker: Asker) -> None:
    longest = max(limit.seconds for limit in asker.limits)
    turn.do(
        "DELETE FROM optimove_budget_grants WHERE client = ? AND at < ?",
        asker.client,
        turn.now - max(longest, _KEPT_SECONDS),
    )
    latest = turn.now + MAX_LEAD_SECONDS
    turn.do("UPDATE optimove_budget_grants SET at = ? WHERE client = ? AND at > ?", latest, asker.client, latest)
    turn.do(
        "DELETE FROM optimove_budget_tickets WHERE client = ? AND seen NOT BETWEEN ? AND ?",
        asker.client,
        turn.now - LEASE_SECONDS,
        turn.now + LEASE_SECONDS,
    )


def _ahead(turn: Transaction, asker: Asker) -> list[_Ticket]:
    rows = turn.rows(
        "SELECT number, call_class, owner, wanted, seen FROM optimove_budget_tickets WHERE client = ?", asker.client
    )
    tickets = [
        _Ticket(
            cast(int, number),
            CallClass(cast(str, call_class)),
            cast(str, owner),
            cast(int, wanted),
            cast(float, seen),
        )
        for number, call_class, owner, wanted, seen in rows
    ]
    own = next((ticket for ticket in tickets if ticket.owner == asker.owner), None)
    place = (_rank(asker.call_class), own.number if own else math.inf)
    return [ticket for ticket in tickets if (_rank(ticket.call_class), ticket.number) < place]


def _rank(call_class: CallClass) -> int:
    return 0 if call_class is CallClass.DAILY else 1


def _used(turn: Transaction, client: str, limit: Limit) -> int:
    rows = turn.rows(
        "SELECT count(*) FROM optimove_budget_grants WHERE client = ? AND at > ?", client, turn.now - limit.seconds
    )
    return cast(int, rows[0][0])


def _kept(ahead: Sequence[_Ticket], call_class: CallClass, room: int, now: float) -> int:
    """The calls to leave to those ahead: all to a higher class, which may want more by now than its ticket says."""
    share = max(1, math.ceil(room / (len(ahead) + 1)))
    fresh = [ticket for ticket in ahead if ticket.seen > now - _FRESH_SECONDS]
    shares = sum(min(t.wanted, share) if t.call_class is call_class else max(t.wanted, room) for t in fresh)
    return shares + len(ahead) - len(fresh)


def _grant(turn: Transaction, asker: Asker, others: int) -> Granted:
    grant_id = uuid.uuid4().hex
    turn.do(
        "INSERT INTO optimove_budget_grants (id, client, call_class, at) VALUES (?, ?, ?, ?)",
        grant_id,
        asker.client,
        asker.call_class.value,
        turn.now,
    )
    withdraw(turn, asker.owner)
    if others:
        _queue(turn, asker, others)
    return Granted(grant_id)


def _queue(turn: Transaction, asker: Asker, wanted: int) -> None:
    turn.do(
        "INSERT INTO optimove_budget_tickets (client, call_class, owner, wanted, seen) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (owner) DO UPDATE SET wanted = excluded.wanted, seen = excluded.seen",
        asker.client,
        asker.call_class.value,
        asker.owner,
        wanted,
        turn.now,
    )


def _later(turn: Transaction, asker: Asker, room: int, kept: int) -> Later:
    expected = max(_room_in(turn, asker.client, limit, kept) for limit in asker.limits)
    pause = _SHARE_SECONDS if room > 0 else HEARTBEAT_SECONDS
    return Later(expected, min(expected, pause) if expected > 0 else pause)


def _room_in(turn: Transaction, client: str, limit: Limit, kept: int) -> float:
    """Seconds until ``limit`` has room for ``kept`` calls and one more: until the call that is in the way leaves."""
    rows = turn.rows(
        "SELECT at FROM optimove_budget_grants WHERE client = ? ORDER BY at DESC LIMIT 1 OFFSET ?",
        client,
        max(limit.calls - kept, 1) - 1,
    )
    return max(cast(float, rows[0][0]) + limit.seconds - turn.now, 0.0) if rows else 0.0
