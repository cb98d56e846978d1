"""``deliver --history``: the months that are left, each once; sent again for a reason; never as a trial."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from optimove_pipeline.commands.history_load import Load, loads
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.datasets.history import history_windows
from optimove_pipeline.ledger import Entry, Ledger, ledger_file, new_id
from optimove_pipeline.partition_keys import Month
from optimove_pipeline.sqlite_file import transaction
from optimove_pipeline.watermarks import move
from optimove_pipeline_tests.assets.casino import CATALOG, casino, command
from optimove_pipeline_tests.end_to_end.dagster_in_memory import without_history
from optimove_pipeline_tests.end_to_end.place import Place

JANUARY, FEBRUARY = Month(2020, 1, 1), Month(2020, 2, 1)
HISTORY = ("deliver", "--history", "--dataset", "customers")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return without_history(casino(tmp_path))


def sent(place: Place) -> list[str]:
    """Return the names of the files in the outbox."""
    return sorted(file.name for file in (place.data / "outbox").rglob("*.csv.gz"))


def versions(place: Place) -> dict[Month, tuple[int, str | None]]:
    ledger = Ledger(ledger_file(place.data))
    newest = {month: ledger.newest("outbox", "customers", month) for month in (JANUARY, FEBRUARY)}
    return {month: (found[0].version, found[0].reason) for month, found in newest.items() if found}


def change(place: Place, statement: str) -> None:
    with duckdb.connect(place.root / "casino.duckdb") as connection:
        connection.execute(statement)


def test_an_interrupted_load_goes_on_with_the_first_month_that_is_not_delivered(place: Place) -> None:
    change(place, "UPDATE customers SET \"Player_ID\" = '' WHERE \"LastUpdated\" >= TIMESTAMP '2020-02-01'")
    broken = command(place, *HISTORY)
    assert broken.exit_code == 1, broken.output
    assert [*versions(place)] == [JANUARY]
    change(place, 'UPDATE customers SET "Player_ID" = \'x\' || epoch("LastUpdated")::bigint')
    # January has other rows by now: it stays as it was sent, and is not read again.
    ended = command(place, *HISTORY)
    assert ended.exit_code == 0, ended.output
    assert "history/customers of 2020-02: 29 rows" in ended.output
    assert "2020-01" not in ended.output
    assert versions(place) == {JANUARY: (1, None), FEBRUARY: (1, None)}
    again = command(place, *HISTORY)
    assert again.exit_code == 0, again.output
    assert "customers: every month of the history is delivered" in again.output


def test_months_are_sent_once_more_for_a_reason(place: Place) -> None:
    first = command(place, *HISTORY)
    assert first.exit_code == 0, first.output
    assert len(sent(place)) == 2
    ended = command(place, *HISTORY, "--redeliver", "wrong consents")
    assert ended.exit_code == 0, ended.output
    assert versions(place) == dict.fromkeys((JANUARY, FEBRUARY), (2, "wrong consents"))
    assert len(sent(place)) == 4


def test_a_trial_of_the_history_is_refused_and_sends_nothing(place: Place) -> None:
    ended = command(place, *HISTORY, "--dry-run")
    assert ended.exit_code != 0
    assert "--dry-run: months of history go from source to targets in one step" in ended.output
    assert sent(place) == []


def test_a_catalog_waits_for_a_first_day_that_is_yet_to_come(tmp_path: Path) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    place = casino(tmp_path, first_day=tomorrow)
    ended = command(place, "deliver", "--history", "--dataset", CATALOG)
    assert ended.exit_code == 0, ended.output
    assert f"{CATALOG}: comes with {tomorrow}, the first day that is sent (datasets.first_day)" in ended.output
    assert sent(place) == []


def test_a_load_waits_where_what_it_refers_to_has_failed(tmp_path: Path) -> None:
    place = without_history(casino(tmp_path, select=["customers", "transactions"]))
    assert command(place, *HISTORY).exit_code == 0
    with transaction(ledger_file(place.data), "ledger", ()) as connection:
        connection.execute("UPDATE deliveries SET state = 'failed' WHERE day = '2020-02'")
    change(place, "DROP TABLE customers")
    ended = command(place, "deliver", "--history")
    assert ended.exit_code == 1
    assert "transactions: not begun: refers to customers, of which something failed; run again" in ended.output
    assert "history/transactions" not in ended.output


def test_what_others_refer_to_is_loaded_first_each_from_its_own_month_on(tmp_path: Path) -> None:
    datasets = {"preset": "casino", "first_day": "2020-03-01", "history_months": 2}
    targets = {"reports": "none", "datasets": ["outbox"]}
    settings = parse_settings({"datasets": datasets, "delivery": targets}, source="a test", data_dir=tmp_path)
    (customers,) = (each for each in settings.chosen_datasets if each.name == "customers")
    (transactions,) = (each for each in settings.chosen_datasets if each.name == "transactions")
    chosen = [transactions, customers]
    assert [*loads(settings, chosen, anew=False)] == [Load((customers, transactions), JANUARY, FEBRUARY)]
    deliver(settings, "customers", JANUARY)
    assert [*loads(settings, chosen, anew=False)] == [
        Load((customers,), FEBRUARY, FEBRUARY),
        Load((transactions,), JANUARY, FEBRUARY),
    ]
    assert [*loads(settings, chosen, anew=True)] == [Load((customers, transactions), JANUARY, FEBRUARY)]


def deliver(settings: Settings, feed: str, month: Month) -> None:
    """Record a month as delivered."""
    path = ledger_file(settings.data_dir)
    entry = Entry(new_id(), "outbox", feed, month, 1, 1, "a.csv.gz", 1, 1, "0", "a-run")
    for planned in Ledger(path).plan([entry]):
        Ledger(path).deliver(planned)
    move(path, feed, "outbox", history_windows(settings)[month].end, "a-run")
