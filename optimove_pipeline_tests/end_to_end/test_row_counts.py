"""The check that compares a day's rows with the days before it."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.end_to_end.place import Place, checks, materialise

REPORT = "promo_codes"
FIRST, LAST = date(2025, 5, 21), date(2025, 6, 19)
USUAL = 100
OUTLIERS = {FIRST + timedelta(days=7): 1, LAST: 1000}


def test_every_day_of_a_long_run_is_compared_with_those_before_it(place: Place) -> None:
    days = [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    staging = Staging(place.data / "staging")
    for day in days:
        _extract(staging, day, OUTLIERS.get(day, USUAL))
    run = materialise(place, REPORT, days=days, stages=["validated"])
    check = checks(run, f"validated/{REPORT}")["row_count"]
    assert not check.passed
    told = (check.description or "").split("; ")
    assert [part.split(":")[0] for part in told if part[:4] == "2025"] == [str(day) for day in OUTLIERS]


def _extract(staging: Staging, day: date, rows: int) -> None:
    ids = dict.fromkeys(("target_group_id", "recipient_group_id", "action_id"), "1")
    frame = pl.DataFrame({"promo_code": [f"CODE-{number}" for number in range(rows)]}).with_columns(
        *(pl.lit(value).alias(name) for name, value in ids.items()),
        *(pl.lit(0, pl.UInt32).alias(name) for name in ("_call", "_page")),
    )
    with staging.writing("report", REPORT, day) as writer:
        writer.write(frame)
