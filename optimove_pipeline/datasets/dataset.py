"""What a data set is: a feed with a contract that Optimove's rules follow from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from optimove_pipeline.feeds import Column, Feed, Kind
from optimove_pipeline.settings.packages import Format

PARTITION = Column("_partition", Kind.TEXT)
"""The column of a data set's table that holds the partition: ``2026-11-20``, or ``2026-11-20T14`` by the hour."""


class Load(StrEnum):
    """What a partition of a data set holds."""

    CHANGES = "changes"
    """The rows that changed in its window."""
    SNAPSHOT = "snapshot"
    """All rows, as they are when it is read (reference, section 2.3: catalogs)."""


class Content(StrEnum):
    """What a data set tells of, which decides the rules for personal data (reference, section 1.1)."""

    PROFILE = "profile"
    FACTS = "facts"
    CATALOG = "catalog"
    EVENTS = "events"


class Severity(StrEnum):
    """What a rule does to a row that breaks it."""

    REPAIR = "repair"
    """The value gets the fix that the rule declares."""
    REJECT = "reject"
    """The row goes to quarantine."""
    BLOCK = "block"
    """The row goes to quarantine, and the partition is held back."""
    WARN = "warn"
    """The row stays as it is, and is counted."""


class ParameterType(StrEnum):
    """The type of a value in an event's context (reference, section 2.4)."""

    TEXT = "text"
    """Text of up to 255 characters."""
    NUMBER = "number"
    FLAG = "flag"
    """A real boolean, not text."""
    ANSWER = "answer"
    """``Yes`` or ``No``, or a real boolean: sister events have the one or the other."""
    TIME = "time"
    """ISO 8601 text, as in ``2022-04-09T20:01:51.887000Z`` (reference, section 1.3)."""


@dataclass(frozen=True, slots=True)
class Event:
    """A kind of event: its key, and the parameters that its context may have, by name."""

    name: str
    parameters: tuple[tuple[str, ParameterType], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractColumn(Column):
    """One column of a data set's contract; ``name`` is Optimove's, and that of staging, tables and files.

    ``length`` is the most characters of a text; ``maximum`` bounds numbers from above; ``allowed`` lists the only
    values; ``pattern`` is a regular expression that a whole text keeps. ``reference`` names the column
    (``customers.Player_ID``) that must hold each value. ``email`` marks an address, with one @. ``consent`` marks a
    permission of the customer, which is never filled in, and ``contact`` names the column that it permits the use of;
    ``currency`` marks the currency's code, of which a partition has one. ``clock`` says that the time may not lie in
    the future; ``not_before`` names the time that this one never comes before. ``birth`` marks the date of birth,
    ``adult`` is the age below which a warning is due. ``form`` is how values are written where that differs from the
    package's own form. ``personal`` is what only a profile may hold, and the customer's id.
    """

    length: int | None = None
    maximum: int | None = None
    allowed: tuple[str, ...] = ()
    pattern: str | None = None
    reference: str | None = None
    email: bool = False
    consent: bool = False
    contact: str | None = None
    currency: bool = False
    clock: bool = False
    not_before: str | None = None
    birth: bool = False
    adult: int | None = None
    form: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Feed):
    """A data set: its contract, and how it is read and sent.

    ``table`` is Optimove's name of it. ``change_column`` is the column with the moment (UTC) at which a row last
    changed, ``customer_column`` that with the customer's id; None where it has none. ``load`` is what a partition
    holds by default, ``format`` the files' format where it differs from the settings'. Of the columns ``one_of`` a
    row has at least one; ``events`` are the events that the columns ``event`` and ``context`` may tell of.
    ``severities`` are what rules do (rule: severity) where that differs from the rules' own.
    """

    columns: tuple[ContractColumn, ...]
    table: str
    content: Content
    load: Load = Load.CHANGES
    change_column: str | None = "LastUpdated"
    customer_column: str | None = None
    format: Format | None = None
    one_of: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    severities: tuple[tuple[str, Severity], ...] = ()
    schema: str = "datasets"
    stamp: Column = PARTITION
    group: str = "datasets"

    @property
    def referred(self) -> tuple[str, ...]:
        """The names of the other data sets that columns refer to, in order."""
        named = {column.reference.partition(".")[0] for column in self.columns if column.reference}
        return tuple(sorted(named - {self.name}))
