"""Loads of several processes into one table at once, and loads that are killed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from optimove_pipeline.ledger import Ledger, State, ledger_file
from optimove_pipeline.stages.load import load
from optimove_pipeline_tests.children import child, line
from optimove_pipeline_tests.targets.goods import DAY, package
from optimove_pipeline_tests.targets.iceberg.dying import AFTER, BEFORE, CONTENT, PROGRAM, arriving
from optimove_pipeline_tests.targets.iceberg.tables import ACTIONS, BETS, at, held, rows, target

MONDAY, TUESDAY = "2026-11-20", "2026-11-21"


def test_two_processes_that_load_at_once_both_land(tmp_path: Path) -> None:
    place = target(tmp_path)
    place.load(rows(BETS, "2026-11-19", [(1, "old", at(0)), (2, "old", at(0))]))
    with child(PROGRAM, json.dumps({"data": str(tmp_path), "moment": BEFORE})) as process:
        assert line(process) == "there"
        # The other has compared its rows and written its files; what it compared with is not there any more.
        place.load(rows(BETS, TUESDAY, [(1, "newest", at(9)), (7, "newest", at(9)), (2, "older", at(0))]))
        assert process.stdin is not None
        process.stdin.close()
        assert line(process) == "there"
        assert line(process) == "delivered"
    assert held(place, BETS) == [
        (1, "newest", at(9), TUESDAY),
        (2, "new", at(2), MONDAY),
        (3, "new", at(2), MONDAY),
        (7, "newest", at(9), TUESDAY),
    ]
    data = {file.name for file in (tmp_path / "iceberg/optimove/bets/data").rglob("*.parquet")}
    assert len(data) == 4, "what was written for the refused commit is removed"


def test_many_loads_at_once_lose_nothing(tmp_path: Path) -> None:
    days = [f"2026-11-{day}" for day in range(10, 16)]
    place = target(tmp_path)
    place.load(rows(ACTIONS, "2026-11-01", []))
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda day: place.load(rows(ACTIONS, day, [(day, 1), (day, 2)])), days))
    assert held(place, ACTIONS) == [(day, number, day) for day in days for number in (1, 2)]


def test_a_load_killed_before_the_ledger_knows_of_it_is_not_repeated(tmp_path: Path) -> None:
    place, ledger = target(tmp_path), Ledger(ledger_file(tmp_path))
    with child(PROGRAM, json.dumps({"data": str(tmp_path), "moment": AFTER})) as process:
        assert line(process) == "there"
        process.kill()
    assert place.receipt(BETS, MONDAY) == arriving().source
    assert [entry.state for entry in ledger.newest("optimove", "bets", DAY)] == [State.SENDING]
    done = load(arriving(), package(tmp_path / "package", [b"bets"], feed="bets"), place, ledger, "next")
    assert done.sent == 0
    assert held(place, BETS) == [(*row, MONDAY) for row in CONTENT]
    assert [entry.state for entry in ledger.newest("optimove", "bets", DAY)] == [State.DELIVERED]
