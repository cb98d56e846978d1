"""``forget``: customers whose rows are sent no more, and the removal of their personal data at Optimove."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from optimove_pipeline.config import Settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.optimove.customer_removal import REMOVE, remove_customers
from optimove_pipeline.session import ask_briefly
from optimove_pipeline.suppression import listed, release, suppress

PURPOSE = "forget"
"""Stands for a run in the record of calls."""

Tell = Callable[[str], None]


def chosen_ids(arguments: Iterable[str], file: Path | None) -> list[str]:
    """Return the ids given as arguments and those in a file of one a line, each once.

    Raises:
        SettingsError: there are none, or the file can't be read.
    """
    ids = list(dict.fromkeys([*arguments, *(_lines(file) if file else ())]))
    if not ids:
        raise SettingsError("no customer is named: give ids, or --file with one id a line")
    return ids


def forget(settings: Settings, ids: Sequence[str], reason: str, tell: Tell, *, at_optimove: bool) -> bool:
    """Put customers on the list, and have their personal data removed ``at_optimove``; return whether all was done.

    Raises:
        SettingsError: an id is none, or the list can't be used; then nobody was added.
        ApiError: the API refuses or does not answer; the customers are on the list then.
    """
    added = suppress(settings.data_dir, ids, reason)
    tell(f"{added} of {len(ids)} customers are new on the list. Their rows are in no package from now on.")
    if not at_optimove:
        return True
    failed = ask_briefly(settings, PURPOSE, lambda client: remove_customers(client, ids))
    tell(f"Optimove removes the personal data of {len(ids) - len(failed)} customers ({REMOVE}).")
    if failed:
        tell(f"It failed for {len(failed)}, most likely since Optimove has never had them:")
        for each in failed:
            tell(each)
    return not failed


def release_customers(settings: Settings, ids: Sequence[str], tell: Tell) -> None:
    """Take customers off the list. Raises as ``release`` does."""
    released = release(settings.data_dir, ids)
    tell(f"{released} of {len(ids)} customers were on the list, and are no more. Packages made anew have their rows.")


def tell_list(settings: Settings, tell: Tell) -> None:
    """Show who is on the list, since when and why, a line each. Raises as ``listed`` does."""
    for each in listed(settings.data_dir):
        tell(f"{each.id}  {datetime.fromtimestamp(each.at, UTC):%Y-%m-%d %H:%M} UTC  {each.reason}".rstrip())


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--file {file}: {error}; expected text in UTF-8 with one id a line") from None
    return [line.strip() for line in text.splitlines() if line.strip()]
