"""Files as a sender would deliver them: a good row of each table, and files made of rows."""

import csv
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

from optimove_pipeline.sandbox.places import Places

DAY = date(2026, 11, 19)

Row: TypeAlias = dict[str, Any]

CUSTOMER: Row = {
    "Player_ID": "100001",
    "Registration_Date": "2020-01-31",
    "Email": "a@example.com",
    "Date_Of_Birth": "1980-02-29",
    "Is_OptIn": "Yes",
    "Allow_SMS": "",
    "Gender": "Female",
    "Currency": "EUR",
    "First_Name": 'Zoë, "the" one\nof two',
    "Balance": "12.3456",
    "LastUpdated": "2026-11-19 23:59:59",
}
TRANSACTION: Row = {
    "Transaction_ID": "1",
    "Player_ID": "100001",
    "Transaction_Date": "2026-11-19 10:30:00",
    "Transaction_Type": "Deposit",
    "Transaction_Amount": "-5.5",
    "Currency": "EUR",
    "LastUpdated": "2026-11-19 10:31:00",
}
PLAY: Row = {
    "Game_Date": "2026-11-19",
    "Player_ID": "100001",
    "Game_ID": "G001",
    "Platform": "Web",
    "Real_Bet_Amount": "1",
    "Number_Of_Bets": "3",
    "Currency": "EUR",
    "LastUpdated": "2026-11-20 00:10:00",
}
GAME: Row = {"Game_ID": "G001", "Game_Name": "Starburst", "Game_Category": "slots"}
EVENT: Row = {
    "tenant": 4711,
    "timestamp": "2026-11-19 10:30:00.000000 UTC",
    "event": "ootb_login",
    "customer": "100001",
    "visitor": None,
    "context": {"platform": "Web", "balance": 1.5, "is_new": True},
    "event_id": "e1",
    "LastUpdated": "2026-11-19 10:30:01",
}
ROWS: Mapping[str, Row] = {
    "Customers": CUSTOMER,
    "Transactions": TRANSACTION,
    "Games": PLAY,
    "Game_Types_and_Categories": GAME,
    "Events": EVENT,
}


def csv_text(rows: Sequence[Row]) -> bytes:
    """Rows as CSV; their columns are those of the first."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def ndjson_text(rows: Sequence[Row]) -> bytes:
    """Rows as NDJSON."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def deliver(places: Places, name: str, content: bytes) -> Path:
    """Put a file into the inbox; compressed if its name says so."""
    file = places.inbox / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return file


def file_name(table: str, day: date = DAY, *, part: int = 1, version: int = 1) -> str:
    """A name as agreed; events are NDJSON, all else is CSV."""
    again = f"_v{version}" if version > 1 else ""
    form = "ndjson" if table == "Events" else "csv"
    return f"{table}_{day:%Y%m%d}_060000_{part:03d}{again}.{form}.gz"


def deliver_rows(
    places: Places, table: str, rows: Sequence[Row], day: date = DAY, *, part: int = 1, version: int = 1
) -> Path:
    """Put rows of a table into the inbox."""
    text = ndjson_text(rows) if table == "Events" else csv_text(rows)
    return deliver(places, file_name(table, day, part=part, version=version), text)


def deliver_day(places: Places, day: date = DAY, *, without: str = "") -> None:
    """Put a good file of each table into the inbox."""
    for table, row in ROWS.items():
        if table != without:
            deliver_rows(places, table, [on(row, day)], day)


def on(row: Row, day: date) -> Row:
    """A row as of another day."""
    return {
        name: value.replace(str(DAY), str(day)) if isinstance(value, str) else value for name, value in row.items()
    }
