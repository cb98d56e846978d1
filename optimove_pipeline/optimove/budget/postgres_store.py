"""The budget's state in PostgreSQL, for processes on many hosts."""

from dataclasses import dataclass, field

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.optimove.budget.store import PATIENCE_SECONDS, Session


@dataclass(frozen=True, slots=True)
class PostgresStore:
    """A database of PostgreSQL 12 or newer; its clock counts, because the hosts' clocks differ.

    ``dsn`` is libpq's connection string or URL. Clients (keys) share the tables; each has its own lock.
    ``patience``, in seconds, is how long a turn is waited for.
    """

    dsn: str = field(repr=False)
    patience: float = PATIENCE_SECONDS

    def open(self) -> Session:
        """A session, its tables made if need be; ``SettingsError`` without the extra, or if it can't connect."""
        try:
            from optimove_pipeline.optimove.budget.postgres_session import PostgresSession
        except ImportError as error:
            raise SettingsError(
                f"a budget in PostgreSQL needs psycopg ({error}): pip install 'optimove-pipeline[postgres]'"
            ) from error
        return PostgresSession(self.dsn, self.patience)
