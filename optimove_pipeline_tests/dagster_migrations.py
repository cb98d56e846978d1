"""Dagster's migrations, read once in a process.

Each new database of Dagster's is stamped with the newest migration, and each time all of them, a file each, are
imported to find it. That is more than half of what a new history costs, and nearly every test begins one.
"""

from __future__ import annotations

from typing import Any

from alembic.config import Config
from alembic.script import ScriptDirectory

_read: Any = ScriptDirectory.from_config
_known: dict[str | None, ScriptDirectory] = {}


def read_once() -> None:
    """Let every database that this process makes from now on be stamped with what it has read of the migrations."""
    ScriptDirectory.from_config = _once  # type: ignore[method-assign]


def _once(config: Config) -> ScriptDirectory:
    folder = config.get_main_option("script_location")
    if folder not in _known:
        _known[folder] = _read(config)
    return _known[folder]
