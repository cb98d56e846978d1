"""``approve``: a person answers for a day that the volume check holds back."""

from __future__ import annotations

from datetime import date

from optimove_pipeline.approvals import Approval, approve
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.packages import find_package, package_folder
from optimove_pipeline.partition_keys import partition_of
from optimove_pipeline.staging import Staging


def approve_day(settings: Settings, feed: str, key: str, by: str, reason: str) -> Approval:
    """Record that a person approves a feed's day, by its key, with the rows that it has now; return the approval.

    Raises:
        SettingsError: the key names no day, name or reason is blank, or the ledger can't be used.
        PartitionError: the day was not validated.
    """
    try:
        day = partition_of(key)
    except ValueError:
        raise SettingsError(f"{key}: expected a day such as 2026-11-20, or an hour such as 2026-11-20T14") from None
    return approve(ledger_file(settings.data_dir), feed, day, by, reason, _rows(settings, feed, day))


def _rows(settings: Settings, feed: str, day: date) -> int:
    """Return the rows of the day's package, which the check counts; without one those of the validated partition."""
    made = find_package(package_folder(settings.packages_folder, feed, day))
    return made.rows if made else Staging(settings.data_dir / "staging").open("validated", feed, day).rows
