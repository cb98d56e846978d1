"""How far looking for the reports' days has come: one file, so that neither a restart nor a reset begins anew."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.files import write_atomically


@dataclass(frozen=True, slots=True)
class LookState:
    """``asked_at`` (aware) is when the API was last asked, ``settled`` the day up to which all days are requested."""

    asked_at: datetime | None = None
    settled: date | None = None


def read_state(data_dir: Path) -> LookState:
    """Return the state; an empty one where nothing was looked for yet.

    Raises:
        SettingsError: the file holds something else; the message names it.
    """
    file = _file(data_dir)
    try:
        content = json.loads(file.read_bytes())
        asked, settled = content["asked_at"], content["settled"]
        return LookState(
            datetime.fromisoformat(asked) if asked else None, date.fromisoformat(settled) if settled else None
        )
    except FileNotFoundError:
        return LookState()
    except (ValueError, TypeError, KeyError) as error:
        raise SettingsError(
            f"{file} does not tell how far looking for days has come ({error!r}): remove it, and it is found anew"
        ) from error


def write_state(data_dir: Path, state: LookState) -> None:
    """Put a state in place of the one before."""
    content = {
        "asked_at": state.asked_at.isoformat() if state.asked_at else None,
        "settled": state.settled.isoformat() if state.settled else None,
    }
    write_atomically(_file(data_dir), json.dumps(content).encode())


def _file(data_dir: Path) -> Path:
    return data_dir / "state" / "report-readiness.json"
