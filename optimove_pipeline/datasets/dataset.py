"""What a data set is: a feed with a contract that Optimove's rules follow from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from optimove_pipeline.feeds import Column, Feed, Kind

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractColumn(Column):
    """One column of a data set's contract; ``name`` is Optimove's, and that of staging, tables and files.

    ``length`` is the most characters of a text; ``maximum`` bounds numbers from above; ``allowed`` lists the only
    values; ``pattern`` is a regular expression that a whole text keeps. ``reference`` names the column
    (``customers.Player_ID``) that must hold each value. ``consent`` marks a permission of the customer, which is
    never filled in; ``currency`` marks the currency's code, of which a partition has one. ``clock`` says that the
    time may not lie in the future. ``form`` is how values are written where that differs from the package's own form.
    """

    length: int | None = None
    maximum: int | None = None
    allowed: tuple[str, ...] = ()
    pattern: str | None = None
    reference: str | None = None
    consent: bool = False
    currency: bool = False
    clock: bool = False
    form: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset(Feed):
    """A data set: its contract, and how it is read and sent.

    ``table`` is Optimove's name of it. ``change_column`` is the column with the moment (UTC) at which a row last
    changed, ``customer_column`` that with the customer's id; None where it has none. ``load`` is what a partition
    holds by default, ``format`` the files' format where it differs from the settings'.
    """

    columns: tuple[ContractColumn, ...]
    table: str
    content: Content
    load: Load = Load.CHANGES
    change_column: str | None = "LastUpdated"
    customer_column: str | None = None
    format: str | None = None
    schema: str = "datasets"
    stamp: Column = PARTITION
    group: str = "datasets"
