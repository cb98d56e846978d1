"""The company of the sandbox in a place, and what the tests of commands do there."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from optimove_pipeline.cli import main
from optimove_pipeline.config import Settings, load_settings
from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import Place, environment

TODAY = date(2025, 6, 20)
DAY = date(2025, 6, 19)
NAMES = ("customers", "transactions", "events")
MORNING = datetime(2025, 6, 20, 5, tzinfo=UTC)
"""An hour before the day is due."""


@dataclass(frozen=True, slots=True)
class Company:
    """A place whose settings send the company's data to the sandbox."""

    place: Place
    sandbox: RunningSandbox

    def at(self, root: Path) -> Company:
        """Return the same company in a copy of its place."""
        paths = {"OPTIMOVE_CONFIG": str(root / "optimove.yaml"), "OPTIMOVE_DATA_DIR": str(root / "data")}
        return Company(Place(root, {**self.place.environment, **paths}), self.sandbox)

    @property
    def places(self) -> Places:
        """Where the sandbox has its files."""
        return Places(Path(str(self.sandbox.options.folder)))

    def settings(self) -> Settings:
        """Return the settings."""
        with environment(self.place):
            return load_settings()

    def export(self, name: str, value: str) -> None:
        """Set a variable of the environment."""
        self.place.environment[name] = value  # type: ignore[index]

    def change(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Change the settings file."""
        file = self.place.root / "optimove.yaml"
        document = yaml.safe_load(file.read_text())
        change(document)
        file.write_text(yaml.safe_dump(document))

    def run(self, *arguments: str) -> Result:
        """Run a command in this process."""
        with environment(self.place):
            return CliRunner().invoke(main, arguments, terminal_width=200)


def rows_of(file: Path) -> list[dict[str, str]]:
    """Return the rows of a delivered file."""
    with gzip.open(file, "rt", encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def tree(folder: Path) -> set[str]:
    """Return all that lies below a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
