"""What the ledger's entries of a partition say of its package: whether a target has it, and has it whole."""

from __future__ import annotations

from collections.abc import Sequence

from optimove_pipeline.ledger import Entry, Ledger, State
from optimove_pipeline.packages import Package


def is_whole(entries: Sequence[Entry]) -> bool:
    """Return whether there are entries, and all of them are delivered."""
    return bool(entries) and all(entry.state is State.DELIVERED for entry in entries)


def is_of(entries: Sequence[Entry], made: Package) -> bool:
    """Return whether entries are those of a package, as files or as rows of a table, whatever its manifest says."""
    parts = [(entry.rows, entry.bytes, entry.sha256) for entry in entries if entry.part]
    if parts == [(part.rows, part.bytes, part.sha256) for part in made.parts]:
        return True
    return [sha256 for _, _, sha256 in parts] == [made.content]


def has(ledger: Ledger, target: str, made: Package) -> bool:
    """Return whether a target has a package whole, by its name; one without files is had by every target.

    Raises:
        SettingsError, BusyError: as the ledger does.
    """
    entries = ledger.newest(target, made.feed, made.day)
    return is_of(entries, made) and (is_whole(entries) or not entries)
