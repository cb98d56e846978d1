"""The list of games that the company's casino exports every night: a file for each day, with semicolons."""

import csv
import io
import os
from datetime import date
from pathlib import Path

from optimove_pipeline.sandbox.company.games import games

COLUMNS = ("code", "title", "category", "kind", "studio")


def exports_of(database: Path) -> Path:
    """The folder of the exports, beside the database."""
    return database.parent / "exports"


def export_of(database: Path, day: date) -> Path:
    """The file of a day."""
    return exports_of(database) / f"games_{day}.csv"


def export_games(file: Path, day: date) -> None:
    """Write the games as they are at a day's end; the file appears whole."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=";", lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(games(day))
    file.parent.mkdir(exist_ok=True)
    aside = file.with_name(f".{file.name}.{os.getpid()}")
    aside.write_text(text.getvalue(), encoding="utf-8", newline="")
    aside.replace(file)
