"""A day that breaks its contract is held back alone, with its rows in quarantine, and can be made good later."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import (
    DAYS,
    NEWEST,
    Place,
    alike,
    checks,
    materialise,
    materializations,
    published,
    published_days,
    query,
    settle,
    tables,
    true_rows,
    values,
)

REPORT, FUNCTION = "promo_codes", "GetPromoCodes"
SOUND = DAYS[1]
BROKEN = {
    DAYS[0]: ("missing_key", "required:target_group_id", None),
    DAYS[2]: ("wrong_types", "type:target_group_id", "not a number"),
}
"""The fault of each broken day, the rule that its rows break, and the value that stands in quarantine."""


def broken_day(fault: str, day: date) -> Fault:
    return Fault(fault, function=FUNCTION, match={"Date": day})


def held(run: dg.ExecuteInProcessResult, stage: str) -> list[date]:
    return sorted(materializations(run, f"{stage}/{REPORT}"))


def test_broken_days_are_held_back_alone(place: Place, sandbox: RunningSandbox) -> None:
    sandbox.faults(*(broken_day(fault, day) for day, (fault, _, _) in BROKEN.items()))
    run = materialise(place, REPORT, days=DAYS)
    assert run.success
    assert held(run, "report") == [*DAYS]
    assert held(run, "validated") == held(run, "published") == published_days(place, REPORT) == [SOUND]
    for stage in ("validated", "published"):
        complete = checks(run, f"{stage}/{REPORT}")["complete"]
        assert not complete.passed
        for day in BROKEN:
            assert f"{day}: validated/{REPORT} of {day} is" in (complete.description or "")
        assert f"{SOUND}: " not in (complete.description or "")
    quarantined = query(place, f"SELECT * FROM quarantine.{REPORT}")
    assert Counter(row["report_date"] for row in quarantined) == {DAYS[0]: 1, DAYS[2]: 2}
    for row in quarantined:
        _, rule, raw_value = BROKEN[row["report_date"]]
        assert (row["rule"], row["column"], row["raw_value"]) == (rule, "target_group_id", raw_value)
        assert json.loads(row["row"])["target_group_id"] == raw_value

    sandbox.faults()
    again = materialise(place, REPORT, days=DAYS)
    assert checks(again, f"published/{REPORT}")["complete"].passed
    assert published_days(place, REPORT) == [*DAYS]
    for day in BROKEN:
        assert alike(published(place, REPORT, day)) == alike(true_rows(sandbox, REPORT, day))
    assert query(place, f"SELECT * FROM quarantine.{REPORT}") == []


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """A Dagster that remembers its runs for as long as the test takes."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def test_a_run_of_the_broken_day_alone_fails_the_next_asks_anew_and_what_it_publishes_stays(
    place: Place, sandbox: RunningSandbox, instance: dg.DagsterInstance
) -> None:
    sandbox.faults(broken_day("wrong_types", NEWEST))
    assert not materialise(place, REPORT, instance=instance).success
    assert tables(place) == []
    assert len(query(place, f"SELECT * FROM quarantine.{REPORT}")) == 2
    sandbox.faults()
    assert materialise(place, REPORT, instance=instance).success
    assert alike(published(place, REPORT, NEWEST)) == alike(true_rows(sandbox, REPORT, NEWEST))
    assert query(place, f"SELECT * FROM quarantine.{REPORT}") == []
    sandbox.faults(broken_day("missing_key", NEWEST))
    assert not materialise(place, REPORT, instance=instance).success
    assert alike(published(place, REPORT, NEWEST)) == alike(true_rows(sandbox, REPORT, NEWEST))


@pytest.mark.parametrize("fault", ["wrong_types", "missing_key"])
def test_broken_rows_within_tolerance_go_to_quarantine_and_the_day_goes_on(
    tmp_path: Path, sandbox: RunningSandbox, fault: str
) -> None:
    place = settle(tmp_path, sandbox, reports={"tolerated_share": 0.3})
    sandbox.faults(broken_day(fault, NEWEST))
    run = materialise(place, REPORT)
    made = checks(run, f"validated/{REPORT}")
    assert made["complete"].passed
    for name in ("quarantine_share", "key_nulls"):
        assert not made[name].passed
        assert made[name].severity is dg.AssetCheckSeverity.WARN
    assert made["key_nulls"].description == f"{NEWEST}: 2"
    assert made["quarantine_share"].description == f"{NEWEST}: 0.222222"
    told = values(materializations(run, f"validated/{REPORT}")[NEWEST])
    assert (told["rows received"], told["dagster/row_count"], told["rows in quarantine"]) == (9, 7, 2)
    rows = published(place, REPORT, NEWEST)
    assert len(rows) == 7
    assert all(row in true_rows(sandbox, REPORT, NEWEST) for row in rows)
    assert len(query(place, f"SELECT * FROM quarantine.{REPORT}")) == 2


def test_an_unusual_number_of_rows_is_warned_of(place: Place, sandbox: RunningSandbox) -> None:
    report, first = "customer_action_details_by_date", date(2025, 6, 10)
    sandbox.faults(Fault("empty_body", function="GetCustomerActionDetailsByDate", match={"Date": NEWEST}))
    days = [date.fromordinal(number) for number in range(first.toordinal(), NEWEST.toordinal() + 1)]
    made = checks(materialise(place, report, days=days, stages=("report", "validated")), f"validated/{report}")
    assert made["complete"].passed
    assert not made["row_count"].passed
    assert made["row_count"].severity is dg.AssetCheckSeverity.WARN
    assert (made["row_count"].description or "").startswith(f"{NEWEST}: 0 rows; the last 9 days had")
