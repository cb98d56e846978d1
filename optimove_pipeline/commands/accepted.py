"""What the sandbox's side of Optimove says of what was delivered to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from optimove_pipeline.config import Settings


@dataclass(frozen=True, slots=True)
class Accepted:
    """Rows that were accepted of a table's files, and why the other files were not."""

    rows: int
    problems: tuple[str, ...]


def accepted_by_sandbox(settings: Settings) -> Mapping[str, Accepted]:
    """Return by table, under Optimove's name, what the sandbox accepted; nothing where a tenant is configured."""
    folder = settings.data_dir / "sandbox"
    if not settings.sandbox or not folder.exists():
        return {}
    from optimove_pipeline.sandbox.receiver.report import received

    files = received(folder)
    return {
        table: Accepted(
            sum(file.rows for file in files if file.table == table and file.accepted),
            tuple(
                f"{file.file} was rejected: {problem}"
                for file in files
                if file.table == table
                for problem in file.problems
            ),
        )
        for table in sorted({file.table for file in files if file.table})
    }
