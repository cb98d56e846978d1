"""The job of the launchpad, carried out: it asks how far the data reach, files its requests and says so."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from optimove_pipeline.automation.requests import pending
from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.config import load_settings
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.place import DAYS, NEWEST, Place, environment


def pull(place: Place, **config: Any) -> dg.ExecuteInProcessResult:
    with environment(place):
        job = definitions_of(load_settings()).resolve_job_def("pull_period")
        return job.execute_in_process(
            run_config={
                "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
                "ops": {"file_requests": {"config": config}},
            },
            raise_on_error=False,
        )


@pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated")
def test_a_period_is_requested_in_runs_from_new_to_old(place: Place, sandbox: RunningSandbox) -> None:
    reports, filters = ["promo_codes", "execution_channels"], {"target_groups": [1, 2]}
    run = pull(place, **{"from": str(DAYS[0]), "to": str(NEWEST)}, reports=reports, filters=filters, chunk="daily:1")
    assert run.success
    requests = pending(place.data)
    assert [(each.first, each.last) for each in requests] == [(day, day) for day in reversed(DAYS)]
    assert [len(each.reports) for each in requests] == [2, 1, 1]
    assert all(each.filters == filters for each in requests)
    assert [each.key for each in requests] == [f"pull_period/{run.run_id}/{number}" for number in range(3)]
    assert sandbox.stats()["by_function"] == {"general/GetLastDataUpdate": 1}


@pytest.mark.filterwarnings("ignore:InitResourceContext.dagster_run is deprecated")
def test_a_period_that_can_not_be_fails_in_one_line_and_requests_nothing(place: Place) -> None:
    run = pull(place, period="last_week")
    (failure,) = [event.step_failure_data for event in run.all_events if event.is_step_failure]
    assert failure.user_failure_data is not None
    assert (failure.user_failure_data.description or "").startswith("period last_week: no such period; expected one")
    assert pending(place.data) == []
