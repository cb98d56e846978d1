"""What the sandbox's company and Optimove have agreed on: the tables of a casino (delivery reference, section 2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its key, the columns that may not be blank, and those that point into other tables.

    ``references`` maps a column to the table whose key it must be; ``loose`` are those of which orphans are told but
    accepted. ``profile`` is the one table that may tell of persons, ``events`` the one that holds events.
    """

    name: str
    key: tuple[str, ...]
    required: tuple[str, ...]
    references: Mapping[str, str] = field(default_factory=dict)
    loose: Mapping[str, str] = field(default_factory=dict)
    profile: bool = False
    events: bool = False


_ALL = (
    Table("Customers", ("Player_ID",), ("Player_ID", "Registration_Date", "LastUpdated"), profile=True),
    Table("Game_Types_and_Categories", ("Game_ID",), ("Game_ID", "Game_Name")),
    Table(
        "Transactions",
        ("Transaction_ID",),
        (
            "Transaction_ID",
            "Player_ID",
            "Transaction_Date",
            "Transaction_Type",
            "Transaction_Amount",
            "LastUpdated",
        ),
        {"Player_ID": "Customers"},
    ),
    Table(
        "Games",
        ("Game_Date", "Player_ID", "Game_ID", "Platform"),
        ("Game_Date", "Player_ID", "Game_ID", "Platform", "LastUpdated"),
        {"Player_ID": "Customers"},
        {"Game_ID": "Game_Types_and_Categories"},
    ),
    Table(
        "Events",
        ("event_id",),
        ("tenant", "timestamp", "event", "event_id", "LastUpdated"),
        {"customer": "Customers"},
        events=True,
    ),
)

TABLES: Mapping[str, Table] = MappingProxyType({table.name: table for table in _ALL})
"""The agreed tables, those that others point to first. All are on the list of expected files of a day."""

PERSONAL = frozenset(
    {"Email", "Mobile_Number", "Date_Of_Birth", "Address", "City", "First_Name", "Last_Name", "Alias"}
)
"""Columns that belong in the profile only (delivery reference, section 1.1)."""

EVENTS = frozenset(
    {
        "ootb_registration",
        "ootb_registration_initiated",
        "ootb_user_details_update",
        "ootb_login",
        "core_login",
        "set_page_visit",
        "ootb_deposit",
        "core_game_launch",
        "core_game_session",
        "core_game_close",
    }
)
"""Events that were configured, without which none may be sent (delivery reference, section 2.4)."""
