"""Past days of snapshots: skipped where a run holds anything else, refused where they are all that was asked for."""

from __future__ import annotations

from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import (
    DAYS,
    NEWEST,
    STAGES,
    Place,
    checks,
    materialise,
    materializations,
    published_days,
    recorded_log,
    tables,
)

SNAPSHOT, DATED = "execution_channels", "promo_codes"
REASON = f"it can only be had of {NEWEST}, the tenant's last data update"


def test_a_run_over_past_days_skips_snapshots_at_every_stage(place: Place, sandbox: RunningSandbox) -> None:
    with recorded_log() as log:
        run = materialise(place, SNAPSHOT, DATED, days=DAYS[:2])
    assert run.success
    assert not [line for line in log if SNAPSHOT in line], "what is skipped is no warning"
    assert tables(place) == [DATED]
    assert published_days(place, DATED) == [*DAYS[:2]]
    for stage in STAGES:
        complete = checks(run, f"{stage}/{SNAPSHOT}")["complete"]
        assert complete.passed
        assert complete.description is not None
        assert complete.description.startswith(f"{DAYS[0]} to {DAYS[1]}: skipped. ")
        assert REASON in complete.description
        assert materializations(run, f"{stage}/{SNAPSHOT}") == {}
    assert sandbox.stats()["by_function"].keys() == {"general/GetLastDataUpdate", "actions/GetPromoCodes"}


def test_a_past_day_that_is_held_is_made_again_from_what_is_held(place: Place, sandbox: RunningSandbox) -> None:
    assert materialise(place, SNAPSHOT).success
    # The tenant's data reach a day further now, as far as a later run has noted.
    (place.data / "state" / "last-data-update.json").write_text('{"last data update": "2025-06-20"}')
    asked = sandbox.stats()["total"]
    run = materialise(place, SNAPSHOT, days=DAYS, stages=("validated", "published"))
    assert run.success
    assert [*materializations(run, f"published/{SNAPSHOT}")] == [NEWEST]
    assert sandbox.stats()["total"] == asked


def test_a_past_day_of_a_snapshot_asked_for_alone_is_refused(place: Place) -> None:
    assert materialise(place, DATED, SNAPSHOT, days=DAYS[:1], stages=("report",)).success
    for stages in (STAGES, STAGES[1:]):  # from the API, and from staging
        run = materialise(place, SNAPSHOT, days=DAYS[:1], stages=stages)
        assert not run.success
        (failure,) = [event.step_failure_data for event in run.all_events if event.is_step_failure]
        assert failure.user_failure_data is not None
        assert REASON in (failure.user_failure_data.description or "")


def test_in_a_backfill_even_a_single_past_day_is_skipped(place: Place) -> None:
    run = materialise(place, SNAPSHOT, days=DAYS[:1], tags={"dagster/backfill": "a-backfill"})
    assert run.success
    assert checks(run, f"report/{SNAPSHOT}")["complete"].passed
