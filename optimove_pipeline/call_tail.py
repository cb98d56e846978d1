"""The calls of a run as they are made, read from the journal while its process appends to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from optimove_pipeline.call_journal import SUFFIX


class CallTail:
    """Reads what is new in the journal's files below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}

    def new(self, run_id: str) -> Iterator[dict[str, Any]]:
        """Yield the calls of a run that were recorded since the last time, by the columns of ``ops.api_calls``."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            for line in self._new_lines(path):
                # A line that can't be read is told by who takes the file in.
                with suppress(json.JSONDecodeError):
                    call = json.loads(line)
                    if call["run_id"] == run_id:
                        yield call

    def _new_lines(self, path: Path) -> list[bytes]:
        """Return the lines that were written whole since the last time; none of a file that is gone by now."""
        try:
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                whole, newline, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        self._read[path] = self._read.get(path, 0) + len(whole) + len(newline)
        return whole.splitlines()
