"""The budget: the calls that the rate limits still allow, shared by every process of one client.

``open_budget`` gives a :class:`Budget`; a call asks it for a grant, and stamps the grant right before its first byte
leaves. The state lies in a file (:class:`FileStore`, one host) or in PostgreSQL (:class:`PostgresStore`, many hosts),
under the same rules (:mod:`.rules`). The limits are those of the reference, section 1.3.
"""

from optimove_pipeline.optimove.budget.budget import Budget, Clock, Grant, open_budget
from optimove_pipeline.optimove.budget.file_store import FileStore
from optimove_pipeline.optimove.budget.identity import client_id
from optimove_pipeline.optimove.budget.postgres_store import PostgresStore
from optimove_pipeline.optimove.budget.snapshot import WindowUse, snapshot
from optimove_pipeline.optimove.budget.store import Store
from optimove_pipeline.optimove.budget.waiting import Usage
from optimove_pipeline.optimove.budget.windows import DEFAULT_WINDOWS, CallClass, Window

__all__ = [
    "DEFAULT_WINDOWS",
    "Budget",
    "CallClass",
    "Clock",
    "FileStore",
    "Grant",
    "PostgresStore",
    "Store",
    "Usage",
    "Window",
    "WindowUse",
    "client_id",
    "open_budget",
    "snapshot",
]
