"""The budget: the calls that the rate limits still allow, shared by every process of one client.

``open_budget`` gives a :class:`Budget`; a call asks it for a grant, and stamps the grant right before its first byte
leaves. The state lies in a file (:class:`FileStore`, one host) or in PostgreSQL (:class:`PostgresStore`, many hosts),
under the same rules (:mod:`.rules`). The limits are those of the reference, section 1.3.
"""

from optimove_pipeline.optimove.budget.budget import Budget, Clock, Grant, open_budget
from optimove_pipeline.optimove.budget.file_store import FileStore
from optimove_pipeline.optimove.budget.forecast import Forecast, forecast
from optimove_pipeline.optimove.budget.identity import client_id
from optimove_pipeline.optimove.budget.postgres_store import PostgresStore
from optimove_pipeline.optimove.budget.snapshot import Traffic, WindowUse, snapshot, traffic
from optimove_pipeline.optimove.budget.store import Store
from optimove_pipeline.optimove.budget.waiting import Usage
from optimove_pipeline.optimove.budget.windows import DEFAULT_WINDOWS, CallClass, Limit, Window, limits_of

__all__ = [
    "DEFAULT_WINDOWS",
    "Budget",
    "CallClass",
    "Clock",
    "FileStore",
    "Forecast",
    "Grant",
    "Limit",
    "PostgresStore",
    "Store",
    "Traffic",
    "Usage",
    "Window",
    "WindowUse",
    "client_id",
    "forecast",
    "limits_of",
    "open_budget",
    "snapshot",
    "traffic",
]
