"""The ledger: what is recorded stays, whoever else records at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.ledger import Entry, Ledger, State, ledger_file, new_id
from optimove_pipeline.partition_keys import Month

DAY = date(2026, 11, 20)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(ledger_file(tmp_path))


def entry(name: str = "a.csv.gz", part: int = 1, version: int = 1) -> Entry:
    return Entry(new_id(), "optimove", "customers", DAY, version, part, name, 7, 70, "abc", "run-1")


def test_parts_come_in_order_and_the_manifest_last(ledger: Ledger) -> None:
    planned = ledger.plan([entry("manifest.json", 0), entry("b", 2), entry("a", 1)])
    newest = ledger.newest("optimove", "customers", DAY)
    assert [each.name for each in newest] == ["a", "b", "manifest.json"]
    assert set(newest) == set(planned)
    assert ledger.newest("optimove", "customers", date(2026, 11, 21)) == []


def test_the_newest_version_counts_and_dropped_files_do_not(ledger: Ledger) -> None:
    (first,) = ledger.plan([entry("a")])
    (second,) = ledger.plan([entry("a_v2", version=2)], instead_of=[first])
    assert ledger.newest("optimove", "customers", DAY) == [second]
    ledger.plan([], instead_of=[second])
    assert ledger.newest("optimove", "customers", DAY) == []
    assert [each.state for _, each in ledger.changed_since(0)] == [State.DROPPED, State.DROPPED]


def test_a_plan_is_recorded_whole_or_not_at_all(ledger: Ledger) -> None:
    twice = entry()
    with pytest.raises(SettingsError, match="UNIQUE"):
        ledger.plan([twice, replace(twice, name="b")])
    assert ledger.newest("optimove", "customers", DAY) == []


def test_a_verified_file_stays_so_until_it_is_known_what_became_of_it(ledger: Ledger) -> None:
    (planned,) = ledger.plan([entry()])
    verified = ledger.verify(ledger.begin(planned, "run-1"))
    doubtful = ledger.fail(verified, "cut", in_doubt=True)
    assert (doubtful.state, doubtful.problem) == (State.VERIFIED, "cut")
    again = ledger.begin(doubtful, "run-2")
    assert (again.state, again.attempts, again.run_id) == (State.VERIFIED, 2, "run-2")
    assert ledger.unfinished("optimove") == [again]
    assert ledger.fail(again, "refused", in_doubt=False).state is State.FAILED
    delivered = ledger.deliver(again)
    assert (delivered.state, delivered.problem) == (State.DELIVERED, None)
    assert ledger.unfinished("optimove") == []


def test_a_name_that_was_begun_and_never_delivered_is_known(ledger: Ledger) -> None:
    first, second = ledger.plan([entry(), entry()])
    assert not ledger.was_begun_before(second)
    begun = ledger.begin(first, "run-1")
    assert ledger.was_begun_before(second)
    assert not ledger.was_begun_before(begun)
    ledger.deliver(begun)
    assert not ledger.was_begun_before(second)


def test_many_who_record_at_once_lose_nothing(ledger: Ledger) -> None:
    def record(number: int) -> None:
        (planned,) = Ledger(ledger.path).plan([entry(f"{number}", number)])
        ledger.deliver(ledger.begin(planned, "run-1"))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(record, range(1, 17)))
    changed = ledger.changed_since(0)
    assert [each.state for _, each in changed] == [State.DELIVERED] * 16
    assert [revision for revision, _ in changed] == sorted({revision for revision, _ in changed})
    assert ledger.revision() == changed[-1][0]
    assert ledger.changed_since(ledger.revision()) == []


def test_a_ledger_that_can_not_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(SettingsError, match=r"ledger .*ledger\.sqlite: .*expected a place where this user may write"):
        Ledger(ledger_file(tmp_path)).revision()
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"this is no database" * 100)
    with pytest.raises(SettingsError, match="not a database"):
        Ledger(broken).revision()


def delivered(ledger: Ledger, each: Entry) -> Entry:
    (planned,) = ledger.plan([each])
    return ledger.deliver(ledger.begin(planned, "run-1"))


def test_rows_of_a_day_are_those_of_the_newest_version_at_the_target_with_the_most(ledger: Ledger) -> None:
    for target, rows in (("optimove", 7), ("archive", 9)):
        delivered(ledger, replace(entry("a"), target=target, rows=rows))
        delivered(ledger, replace(entry("b", 2), target=target, rows=rows))
        delivered(ledger, replace(entry("manifest.json", 0), target=target, rows=0))
    delivered(ledger, replace(entry("a_v2", version=2), target="archive", rows=8))
    delivered(ledger, replace(entry("other"), feed="transactions", rows=1000))
    assert ledger.rows_by_day("customers", DAY) == {DAY: 14}
    assert ledger.rows_by_day("customers", date(2026, 11, 21)) == {}


def test_a_day_that_is_not_delivered_whole_has_no_rows_yet(ledger: Ledger) -> None:
    delivered(ledger, entry("a"))
    (open_part,) = ledger.plan([entry("b", 2)])
    assert ledger.rows_by_day("customers", DAY) == {}
    ledger.plan([], instead_of=[open_part])
    assert ledger.rows_by_day("customers", DAY) == {DAY: 7}
    ledger.plan([replace(entry("manifest.json", 0), rows=0)])
    assert ledger.rows_by_day("customers", DAY) == {DAY: 7}


def test_rows_of_hours_are_known_by_the_hour(ledger: Ledger) -> None:
    hour = datetime(2026, 11, 20, 14)  # noqa: DTZ001 - an hour's partition has no zone
    delivered(ledger, replace(entry(), day=hour))
    assert ledger.rows_by_day("customers", DAY) == {hour: 7}


def test_a_month_of_history_is_neither_a_day_nor_an_hour(ledger: Ledger) -> None:
    delivered(ledger, replace(entry(), day=Month(2026, 11, 1), rows=100_000))
    first = delivered(ledger, replace(entry(), day=date(2026, 11, 1)))
    assert ledger.rows_by_day("customers", date(2026, 10, 1)) == {date(2026, 11, 1): 7}
    assert ledger.delivered_days(("customers",), date(2026, 10, 1)) == {date(2026, 11, 1): first.finished_at}


def test_a_day_is_delivered_once_nothing_of_it_is_left(ledger: Ledger) -> None:
    feeds = ("customers", "transactions")
    first = delivered(ledger, entry("a"))
    assert ledger.delivered_days(feeds, DAY) == {DAY: first.finished_at}
    (second,) = ledger.plan([replace(entry("b"), feed="transactions")])
    assert ledger.delivered_days(feeds, DAY) == {}
    assert ledger.delivered_days(("customers",), DAY) == {DAY: first.finished_at}
    second = ledger.deliver(ledger.begin(second, "run-1"))
    assert ledger.delivered_days(feeds, DAY) == {DAY: second.finished_at}
    assert ledger.delivered_days(feeds, date(2026, 11, 21)) == {}


def test_a_redelivery_under_way_makes_a_day_undelivered(ledger: Ledger) -> None:
    delivered(ledger, entry("a"))
    (again,) = ledger.plan([entry("a_v2", version=2)])
    assert ledger.delivered_days(("customers",), DAY) == {}
    assert ledger.rows_by_day("customers", DAY) == {}
    done = ledger.deliver(ledger.begin(again, "run-2"))
    assert ledger.delivered_days(("customers",), DAY) == {DAY: done.finished_at}
