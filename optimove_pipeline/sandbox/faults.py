"""Misbehaviour that can be switched on by name, for some function and for some calls.

A script is a list of faults; each counts the calls that fit it, and a call meets the first that is on::

    {"fault": "http_500", "function": "GetPromoCodes", "times": 2, "after": 1, "match": {"Date": "2026-11-18"}}

==================== ============================================================================
fault                what the call meets
==================== ============================================================================
http_429             429 with the documented body
http_429_retry_after the same with ``Retry-After: 1``
http_500, http_503   a server error in plain text
timeout              no answer, until the client goes away
cut_connection       the connection is closed before a byte of the answer
cut_body             the whole length is declared, half the body comes, the connection is closed
slow_body            the body comes in eight drops, a tenth of a second apart
truncated_json       200, and half of the JSON
html_page, html_403  a page of the web firewall, with 200 or 403
json_string          200 with a bare JSON string that tells of an error
forbidden            403 for this function
unauthorized         401
expired_token        403, and the token is indeed expired
not_found            404
empty_body           200 with nothing
null_body            200 with ``null``
repeat_page          $skip is ignored
repeat_last_page     past the end, the last page again, for ever
duplicate_rows       each page after the first begins with the last row of the one before (without pages:
                     the first row comes again at the end)
clashing_rows        the first row comes again at the very end with another value in its last field
wrong_types          in every seventh row text stands where a number belongs
unknown_field        each row has a field that no documentation names
missing_field        the last field of each row is absent
missing_key          in every seventh row the first field is null
bad_attributes       one attribute value more than was asked for
few_attributes       one attribute value fewer than was asked for
refused_rename       SFTP: the file may not be renamed (``sftp/rename``)
cut_upload           SFTP: half of the first write is stored, the connection is cut (``sftp/write``)
full_disk            SFTP: half of the first write is stored, the rest of the file refused (``sftp/write``)
moved_at_once        SFTP: a file in the inbox is taken away as soon as it has its name (``sftp/arrive``)
==================== ============================================================================

Faults of rows change data functions only; a fault that finds nothing to change changes nothing. Those of SFTP meet
only their own operation, whose one parameter is the file's ``name``, and no other fault meets it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sandbox.logins import expired
from optimove_pipeline.sandbox.replies import TEXT, Reply, not_found, refused, too_many
from optimove_pipeline.sandbox.rows import Row, Segments, count, page

_HTML = b"<html><head><title>Request unsuccessful</title></head><body>Incident ID: 0-1</body></html>"
_EVERY = 7

REPLIES: Mapping[str, Callable[[], Reply]] = {
    "http_429": too_many,
    "http_429_retry_after": lambda: too_many(1.0),
    "http_500": lambda: Reply(500, b"Internal Server Error", TEXT),
    "http_503": lambda: Reply(503, b"Service Unavailable", TEXT),
    "html_page": lambda: Reply(200, _HTML, "text/html"),
    "html_403": lambda: Reply(403, _HTML, "text/html"),
    "json_string": lambda: Reply(200, b'"An error has occurred, please contact support"'),
    "forbidden": lambda: Reply(403, b"Access denied", TEXT),
    "unauthorized": refused,
    "expired_token": expired,
    "not_found": not_found,
    "empty_body": lambda: Reply(200, b""),
    "null_body": lambda: Reply(200, b"null"),
}
"""Faults that replace the whole answer."""

DELIVERIES = ("timeout", "cut_connection", "cut_body", "slow_body")
"""Faults of the way an answer is sent."""

PAGES = ("repeat_page", "repeat_last_page", "duplicate_rows", "clashing_rows")
"""Faults of the choice of rows."""


RECEIVING: Mapping[str, str] = {
    "refused_rename": "sftp/rename",
    "cut_upload": "sftp/write",
    "full_disk": "sftp/write",
    "moved_at_once": "sftp/arrive",
}
"""Faults of the SFTP server, and the operation that meets each."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One line of a script.

    Args:
        fault: Name of the fault.
        function: Name of a function, with or without its section; None for every function.
        after: How many fitting calls come before it is on.
        times: For how many fitting calls it is on; None for all from then on.
        match: Parameter values that a call must have to fit.
    """

    fault: str
    function: str | None = None
    times: int | None = None
    after: int = 0
    match: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.fault not in names():
            raise SettingsError(f"sandbox fault: {self.fault!r} is none of {', '.join(names())}")

    def fits(self, function: str, parameters: Mapping[str, str]) -> bool:
        """Whether a call (``section/name`` and parameters by name in lower case) is one of those meant."""
        known = function.lower()
        if self.fault in RECEIVING or known in RECEIVING.values():
            wanted = RECEIVING.get(self.fault, "")
        else:
            wanted = (self.function or function).lower()
        return wanted in (known, known.partition("/")[2]) and all(
            parameters.get(name.lower()) == str(value) for name, value in self.match.items()
        )


class Script:
    """The faults switched on, and how many calls each has met."""

    def __init__(self) -> None:
        self._lock = Lock()  # the SFTP server asks from threads of its own
        self._faults: list[Fault] = []
        self._seen: list[int] = []

    def replace(self, faults: Sequence[Fault]) -> None:
        """Switch these faults on, and every other one off."""
        with self._lock:
            self._faults, self._seen = list(faults), [0] * len(faults)

    def take(self, function: str, parameters: Mapping[str, str]) -> str | None:
        """The fault that this call meets, if any. The call is counted."""
        found = None
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fault.fits(function, parameters):
                    turn = self._seen[number] - fault.after
                    self._seen[number] += 1
                    if not found and turn >= 0 and (fault.times is None or turn < fault.times):
                        found = fault.fault
        return found


def names() -> tuple[str, ...]:
    """All faults."""
    return (*REPLIES, *DELIVERIES, "truncated_json", *PAGES, *_ROWS, *RECEIVING)


def faulty_page(fault: str | None, segments: Segments, skip: int, top: int) -> list[Row]:
    """The rows of a page as the fault would have them."""
    match fault:
        case "repeat_page":
            return page(segments, 0, top)
        case "repeat_last_page" if skip >= count(segments):
            return page(segments, max(0, count(segments) - top), top)
        case "duplicate_rows":
            return _with_duplicates(segments, skip, top)
        case "clashing_rows" if skip < count(segments) <= skip + top:
            return [*page(segments, skip, top), *_clash(page(segments, 0, 1)[0])]
        case _:
            return page(segments, skip, top)


def faulty_rows(fault: str | None, rows: list[Row]) -> list[Row]:
    """The rows with the fault's changes in them."""
    return _ROWS[fault](rows) if fault and fault in _ROWS else rows


def _with_duplicates(segments: Segments, skip: int, top: int) -> list[Row]:
    """A page of the list in which every page after the first begins with a row that was served already."""
    if count(segments) <= top or top == 1:
        rows = page(segments, skip, top)
        return [*rows, rows[0]] if rows else rows
    # After each page the rows stand one place further on, since its last one is served twice.
    number, place = divmod(skip, top)
    first = number * (top - 1) + place
    unserved = first if place or not number else first + 1
    return page(segments, first, top - place) if unserved < count(segments) else []


def _clash(row: Row) -> list[Row]:
    """Nothing for a row of one field, which is its key."""
    name, value = list(row.items())[-1]
    return [{**row, name: _other(value)}] if len(row) > 1 else []


def _other(value: Any) -> Any:
    if isinstance(value, list):
        return [*value[:-1], "clash"]
    return value + 1 if isinstance(value, int | float) else f"{value} clash"


def _wrong_types(rows: list[Row]) -> list[Row]:
    return [_wrong_type(row) if not number % _EVERY else row for number, row in enumerate(rows)]


def _wrong_type(row: Row) -> Row:
    numbers = [name for name, value in row.items() if isinstance(value, int | float) and value is not True]
    return {**row, **dict.fromkeys(numbers[:1], "not a number")}


def _missing_key(rows: list[Row]) -> list[Row]:
    return [
        {**row, **dict.fromkeys(list(row)[:1])} if not number % _EVERY else row for number, row in enumerate(rows)
    ]


def _attributes(change: Callable[[list[Any]], list[Any]]) -> Callable[[list[Row]], list[Row]]:
    def changed(row: Row) -> Row:
        values = row.get("CustomerAttributes")
        return row if values is None else {**row, "CustomerAttributes": change(values)}

    return lambda rows: [changed(row) for row in rows]


_ROWS: Mapping[str, Callable[[list[Row]], list[Row]]] = {
    "wrong_types": _wrong_types,
    "unknown_field": lambda rows: [{**row, "LoyaltyTier": f"tier {n % 3}"} for n, row in enumerate(rows)],
    "missing_field": lambda rows: [dict(list(row.items())[:-1] or row) for row in rows],
    "missing_key": _missing_key,
    "bad_attributes": _attributes(lambda values: [*values, "one too many"]),
    "few_attributes": _attributes(lambda values: values[:-1]),
}
