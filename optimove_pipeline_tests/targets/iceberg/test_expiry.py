"""Old snapshots expire, and the files that only they had are removed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from optimove_pipeline.targets.iceberg.catalogs import opened
from optimove_pipeline.targets.iceberg.expiry import expire
from optimove_pipeline_tests.targets.iceberg.tables import CUSTOMERS, GAMES, held, rows, target

MONDAY, TUESDAY = "2026-11-20", "2026-11-21"
LATER = timedelta(hours=1)


def files(folder: Path, kind: str) -> set[str]:
    """Return the names of a table's files of a kind."""
    return {file.name for file in folder.rglob(kind)}


def test_only_files_that_no_snapshot_has_any_more_are_removed(tmp_path: Path) -> None:
    place = target(tmp_path)
    place.load(rows(GAMES, MONDAY, [("1", "Chess")]))
    replaced = files(tmp_path, "*.parquet")
    place.load(rows(GAMES, TUESDAY, [("1", "Go")]))
    assert files(tmp_path, "*.parquet") > replaced, "older snapshots can still be read"
    with opened(place.settings, place.name, place.data_dir) as catalog:
        found = catalog.load_table("optimove.games")
        assert expire(found, datetime.now(UTC) - LATER) == 0
        assert expire(found, datetime.now(UTC) + LATER) > 0
        assert len(catalog.load_table("optimove.games").snapshots()) == 1
    assert not files(tmp_path, "*.parquet") & replaced
    assert len(files(tmp_path, "snap-*.avro")) == 1
    assert held(place, GAMES) == [("1", "Go", TUESDAY)]


def test_what_a_receipt_tells_outlives_the_snapshot_of_it(tmp_path: Path) -> None:
    place = target(tmp_path)
    place.load(rows(GAMES, TUESDAY, [("1", "Go")]))
    place.load(rows(GAMES, "2026-11-19", [("1", "Ludo")]))
    with opened(place.settings, place.name, place.data_dir) as catalog:
        expire(catalog.load_table("optimove.games"), datetime.now(UTC) + LATER)
    assert place.receipt(GAMES, TUESDAY) is None
    place.load(rows(GAMES, MONDAY, [("1", "Chess")]))
    assert held(place, GAMES) == [("1", "Go", TUESDAY)], "an older catalog does not come back"


def test_a_load_expires_what_is_older_than_the_settings_say(tmp_path: Path) -> None:
    today, place = datetime.now(UTC), target(tmp_path, snapshot_days=3)
    left, moments = [], [today, today + timedelta(days=2), today + timedelta(days=4)]
    place = replace(place, now=iter(moments).__next__)
    for _ in moments:
        place.load(rows(CUSTOMERS, MONDAY, []))
        with opened(place.settings, place.name, place.data_dir) as catalog:
            left.append(len(catalog.load_table("optimove.customers").snapshots()))
    assert left == [1, 2, 1]
