"""What the rules need of a store: short exclusive transactions on two tables, and one clock.

``optimove_budget_grants``: ``id`` text, ``client`` text, ``call_class`` text, ``at`` double (epoch seconds of the
call, or of the grant until the call is stamped). ``optimove_budget_tickets``: ``number`` integer (the order of
arrival), ``client`` text, ``call_class`` text, ``owner`` text (one per budget object), ``wanted`` integer (calls that
wait there), ``seen`` double (epoch seconds of the owner's last sign of life).
"""

from collections.abc import Callable
from typing import Protocol, TypeAlias, TypeVar

Value: TypeAlias = str | int | float
T = TypeVar("T")

PATIENCE_SECONDS = 30.0
"""How long a transaction waits for its turn before it gives up with ``BusyError``; turns last milliseconds."""

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS optimove_budget_grants (id TEXT PRIMARY KEY, client TEXT NOT NULL,"
    " call_class TEXT NOT NULL, at DOUBLE PRECISION NOT NULL)",
    "CREATE INDEX IF NOT EXISTS optimove_budget_grants_at ON optimove_budget_grants (client, at)",
    "CREATE TABLE IF NOT EXISTS optimove_budget_tickets (number {serial} PRIMARY KEY, client TEXT NOT NULL,"
    " call_class TEXT NOT NULL, owner TEXT NOT NULL UNIQUE, wanted INTEGER NOT NULL,"
    " seen DOUBLE PRECISION NOT NULL)",
)
"""The statements that make the tables; ``{serial}`` is the store's own type of a number that only grows."""


class Transaction(Protocol):
    """One exclusive turn on a client's state, committed whole or not at all."""

    @property
    def now(self) -> float:
        """The store's clock in epoch seconds, read once the turn was had."""

    @property
    def read_at(self) -> float:
        """``time.monotonic()`` from right before ``now`` was read: tells how old ``now`` has become since."""

    def rows(self, sql: str, *values: Value) -> list[tuple[Value, ...]]:
        """The rows of a query with ``?`` placeholders."""

    def do(self, sql: str, *values: Value) -> None:
        """A statement with ``?`` placeholders; its outcome is not waited for before the next one that has rows."""


class Session(Protocol):
    """An open store, used by one thread at a time."""

    def run(self, client: str, work: Callable[[Transaction], T]) -> T:
        """``work`` in one transaction on ``client``'s state; ``BusyError`` if its turn does not come."""

    def close(self) -> None:
        """Let go of the file or the connection."""


class Store(Protocol):
    """Where the state lies. Holds no connection, so it may be passed to other processes."""

    def open(self) -> Session:
        """A session, its tables made if need be; ``SettingsError`` if the store can't be used."""
