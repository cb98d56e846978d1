"""The note of the last event heard from Optimove: one file, which the listener writes and the sensor reads."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.files import write_atomically


@dataclass(frozen=True, slots=True)
class EventNote:
    """An event of Optimove: its type (reference, section 1.9) and when it was heard (aware)."""

    event: int
    heard_at: datetime


def write_note(data_dir: Path, note: EventNote) -> None:
    """Note an event durably, in place of the one before."""
    content = {"event": note.event, "heard_at": note.heard_at.isoformat()}
    write_atomically(_file(data_dir), json.dumps(content).encode())


def read_note(data_dir: Path) -> EventNote | None:
    """Return the last event heard, if there was one.

    Raises:
        SettingsError: the file is not a note; the message names it.
    """
    file = _file(data_dir)
    try:
        content = json.loads(file.read_bytes())
        return EventNote(content["event"], datetime.fromisoformat(content["heard_at"]))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsError(f"{file} is not the note of an event ({error!r}): remove it") from error


def _file(data_dir: Path) -> Path:
    return data_dir / "state" / "event.json"
