"""Names of delivered files: ``Customers_20261119_060000_001.csv.gz``, sent again ``…_001_v2.csv.gz``.

A month of the initial full load is named ``Customers_full_20260901_000000_001.csv.gz``.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

_NAME = re.compile(
    r"(?P<table>[A-Za-z][A-Za-z0-9_]*?)(?P<full>_full)?_(?P<day>\d{8})_(?P<time>\d{6})_(?P<part>\d{3,})"
    r"(?:_v(?P<version>[2-9]|[1-9]\d+))?\.(?P<form>csv|ndjson|json|parquet)(?P<gzip>\.gz)?"
)

_TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".filepart")


@dataclass(frozen=True, slots=True)
class FileName:
    """What a name says: the table, the business day, the time of readiness (``060000``), part, version and form.

    ``full`` is whether it is a month of the initial full load, whose first day ``day`` is.
    """

    table: str
    day: date
    time: str
    part: int
    version: int
    form: str
    gzip: bool
    full: bool

    @property
    def until(self) -> date:
        """The last day whose changes it holds."""
        if not self.full:
            return self.day
        after = date(self.day.year + self.day.month // 12, self.day.month % 12 + 1, 1)
        return after - timedelta(days=1)

    @property
    def delivery(self) -> tuple[str, date, str, int]:
        """What all parts of one delivery have in common."""
        return self.table, self.day, self.time, self.version


def parsed(name: str) -> FileName | None:
    """What a file's name says; None for one that is not as agreed."""
    found = _NAME.fullmatch(name)
    if found is None or (found["form"] == "parquet" and found["gzip"]):
        return None
    try:
        day = datetime.strptime(found["day"], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    except ValueError:
        return None
    version, part = int(found["version"] or 1), int(found["part"])
    full, gzip = bool(found["full"]), bool(found["gzip"])
    return FileName(found["table"], day, found["time"], part, version, found["form"], gzip, full)


def is_temporary(path: Path) -> bool:
    """Whether a name, or that of a folder above, says that the file is not whole yet."""
    return any(part.startswith(".") for part in path.parts) or path.name.endswith(_TEMPORARY)
