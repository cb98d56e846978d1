"""What one call to the API is before it is made, and what is remembered of it afterwards."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import uuid4


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request to the API, planned before it is made; its pages are calls of the same plan entry.

    ``function`` is the path below the base URL (``customers/GetCustomersByAction``); ``parameters`` hold the
    documented names and their values as text, without ``$top`` and ``$skip``. ``report`` is empty for look-ups.
    ``stamps`` are column names with the values that the rows of the answer don't echo. ``documented`` is false
    where function or parameters rest on an assumption of the reference. A call with a ``body`` (the fields of a JSON
    object) is a POST, any other a GET. ``secrets`` are in the body, and masked where the server repeats them. Of the
    answers of a ``private`` call messages show nothing, since they may name customers.
    """

    function: str
    parameters: tuple[tuple[str, str], ...] = ()
    report: str = ""
    day: date | None = None
    stamps: tuple[tuple[str, str | None], ...] = ()
    paged: bool = False
    documented: bool = True
    body: tuple[tuple[str, str | int | tuple[str, ...]], ...] | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    private: bool = False

    @property
    def id(self) -> str:
        """Return 16 hexadecimal digits that depend on function and parameters only, in any order of these."""
        content = json.dumps([self.function, sorted(self.parameters)], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def query(self) -> str:
        """Return the parameters as a person reads them: ``ActionID=2 Date=2026-11-20``."""
        return " ".join(f"{name}={value}" for name, value in self.parameters)

    def describe(self) -> str:
        """Return report, day, function and parameters in one line, for messages."""
        day = self.day.isoformat() if self.day else ""
        return " ".join(filter(None, (self.report, day, self.function, self.query)))


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One HTTP call that was made, so that a person can see where the budget went.

    ``parameters`` are in one line, paging included. ``status`` is None where no answer arrived, ``rows`` where
    none could be counted. ``milliseconds`` run from the request's first byte to the answer's last;
    ``waited_seconds`` were spent waiting for the budget. ``at`` is in UTC. ``outcome`` is one of ``ok``, ``empty``,
    ``http_<status>``, ``timeout``, ``unreachable``, ``cut``, ``truncated``, ``html``, ``unreadable``,
    ``unanswered``.
    """

    report: str
    day: date | None
    function: str
    parameters: str
    status: int | None
    rows: int | None
    milliseconds: float
    waited_seconds: float
    attempt: int
    at: datetime
    outcome: str
    id: str = field(default_factory=lambda: uuid4().hex)
