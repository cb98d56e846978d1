"""The last answer of ``GetLastDataUpdate``: one file, so that whoever asks next may take it for an answer too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.files import write_atomically


@dataclass(frozen=True, slots=True)
class LastUpdate:
    """The day that the tenant's data reached to, as of ``asked_at`` (aware)."""

    day: date
    asked_at: datetime


def write_last_update(data_dir: Path, answer: LastUpdate) -> None:
    """Put an answer in place of the one before."""
    content = {"day": answer.day.isoformat(), "asked_at": answer.asked_at.isoformat()}
    write_atomically(_file(data_dir), json.dumps(content).encode())


def read_last_update(data_dir: Path) -> LastUpdate | None:
    """Return the last answer, if there was one.

    Raises:
        SettingsError: the file holds something else; the message names it.
    """
    file = _file(data_dir)
    try:
        content = json.loads(file.read_bytes())
        return LastUpdate(date.fromisoformat(content["day"]), datetime.fromisoformat(content["asked_at"]))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"{file} is no answer of the API ({error!r}): remove it, and it is asked anew") from error


def _file(data_dir: Path) -> Path:
    return data_dir / "state" / "heard-data-update.json"
