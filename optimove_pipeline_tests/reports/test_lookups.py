"""Look-ups: asked once a day, and believed only in the shape that they should have."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import pytest

from optimove_pipeline.errors import AnswerError, PartitionError, SettingsError
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.lookups import ACTIVITY_EVENTS, CUSTOMER_ATTRIBUTES, LIFECYCLE_STAGES, Lookups
from optimove_pipeline.sandbox.attributes import ATTRIBUTES
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline.settings.reports import Reports
from optimove_pipeline_tests.reports.extracting import TODAY, asked, client_of

T = TypeVar("T")
CHANNELS = BY_NAME["execution_channels"]


def look_up(sandbox: RunningSandbox, folder: Path, work: Callable[[Lookups], Awaitable[T]], today: date = TODAY) -> T:
    """Do some work with the look-ups of a session of its own."""

    async def run() -> T:
        async with client_of(sandbox.url, sandbox.key, folder) as client:
            return await work(Lookups(client, folder / "look-ups", lambda: today))

    return asyncio.run(run())


def check(report: str, **settings: Any) -> Callable[[Lookups], Awaitable[None]]:
    reports = Reports.model_validate(settings)
    return lambda lookups: lookups.check_attributes(BY_NAME[report], reports)


def test_a_look_up_is_asked_once_a_day_over_all_sessions(sandbox: RunningSandbox, tmp_path: Path) -> None:
    for _ in range(2):
        assert look_up(sandbox, tmp_path, lambda lookups: lookups.lifecycle_stages()) == ("1", "2", "3", "4")
    assert len(asked(sandbox, LIFECYCLE_STAGES)) == 1
    look_up(sandbox, tmp_path, lambda lookups: lookups.lifecycle_stages(), date(2026, 11, 21))
    assert len(asked(sandbox, LIFECYCLE_STAGES)) == 2


def test_without_a_client_what_is_kept_is_known_and_nothing_else(sandbox: RunningSandbox, tmp_path: Path) -> None:
    kept = look_up(sandbox, tmp_path, lambda lookups: lookups.lifecycle_stages())
    offline = Lookups(None, tmp_path / "look-ups", lambda: TODAY)
    assert asyncio.run(offline.lifecycle_stages()) == kept
    with pytest.raises(PartitionError, match="GetActivityEventList is not held of 2026-11-20, and no call is to be"):
        asyncio.run(offline.activity_events())


def test_calls_at_once_ask_once(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async def often(lookups: Lookups) -> list[tuple[str, ...]]:
        return await asyncio.gather(*(lookups.activity_events() for _ in range(5)))

    answers = look_up(sandbox, tmp_path, often)
    assert len(set(answers)) == 1
    assert answers[0]
    assert len(asked(sandbox, ACTIVITY_EVENTS)) == 1


def test_a_snapshot_is_looked_up_as_text(sandbox: RunningSandbox, tmp_path: Path) -> None:
    frame = look_up(sandbox, tmp_path, lambda lookups: lookups.snapshot(CHANNELS, CHANNELS.function)).collect()
    assert frame.columns == ["channel_id", "channel_name"]
    assert all(channel.isdigit() for channel in frame["channel_id"])


def test_a_snapshot_is_looked_up_by_the_tenants_own_function(sandbox: RunningSandbox, tmp_path: Path) -> None:
    look_up(sandbox, tmp_path, lambda lookups: lookups.snapshot(CHANNELS, "actions/GetAllActions"))
    assert len(asked(sandbox, "GetAllActions")) == 1


def test_attributes_that_the_tenant_has_pass_and_cost_one_call(sandbox: RunningSandbox, tmp_path: Path) -> None:
    some = [*ATTRIBUTES][:3]
    look_up(sandbox, tmp_path, check("customers_by_action", attributes=some))
    look_up(sandbox, tmp_path, check("customer_attribute_changers", filters={"changed_attributes": some}))
    assert len(asked(sandbox, CUSTOMER_ATTRIBUTES)) == 1


@pytest.mark.parametrize(
    ("report", "settings", "setting"),
    [
        ("customers_by_action", {"attributes": ["Alias", "Cuntry"]}, "reports.attributes of customers_by_action"),
        (
            "customer_attribute_changers",
            {"filters": {"changed_attributes": ["Cuntry"]}},
            "reports.filters.changed_attributes",
        ),
        (
            "customer_future_values",
            {"filters": {"attribute_value": {"attribute": "Cuntry", "value": "UK"}}},
            "reports.filters.attribute_value",
        ),
    ],
)
def test_an_unknown_attribute_is_a_wrong_setting_with_the_nearest_name(
    sandbox: RunningSandbox, tmp_path: Path, report: str, settings: dict[str, Any], setting: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        look_up(sandbox, tmp_path, check(report, **settings))
    expected = f"{setting}: the tenant has no customer attribute 'Cuntry'; did you mean Country?"
    assert str(caught.value) == expected


def test_without_a_near_name_the_known_ones_are_listed(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no customer attribute 'xyzzy'; it has Alias, "):
        look_up(sandbox, tmp_path, check("customers_by_action", attributes=["xyzzy"]))


@pytest.mark.parametrize(
    ("report", "settings"),
    [
        ("customers_by_action", {}),
        ("promo_codes", {"attributes": ["Cuntry"]}),
        ("customer_future_values", {"filters": {"changed_attributes": ["Cuntry"], "lifecycle_stages": [1]}}),
    ],
)
def test_attributes_that_a_report_does_not_use_are_not_looked_up(
    sandbox: RunningSandbox, tmp_path: Path, report: str, settings: dict[str, Any]
) -> None:
    look_up(sandbox, tmp_path, check(report, **settings))
    assert asked(sandbox) == []


def test_a_key_that_may_not_list_attributes_can_still_extract(
    sandbox: RunningSandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.faults(Fault("forbidden", "GetCustomerAttributeList"))
    with caplog.at_level(logging.WARNING):
        look_up(sandbox, tmp_path, check("customers_by_action", attributes=["Alias"]))
    assert "customer attributes of customers_by_action are not checked" in caplog.text


def test_an_answer_that_is_no_list_is_refused_and_not_kept(sandbox: RunningSandbox, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(
            AnswerError, match="look-up general/GetLastDataUpdate: expected a list of rows, got a dict"
        ):
            look_up(sandbox, tmp_path, lambda lookups: lookups.snapshot(CHANNELS, "general/GetLastDataUpdate"))
    assert len(asked(sandbox, "GetLastDataUpdate")) == 2


def test_rows_without_their_id_are_refused(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sandbox.faults(Fault("missing_key", "GetLifecycleStageList"))
    with pytest.raises(
        AnswerError, match="look-up model/GetLifecycleStageList: a row has none of the fields StageID"
    ):
        look_up(sandbox, tmp_path, lambda lookups: lookups.lifecycle_stages())


def test_an_empty_answer_is_not_kept(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sandbox.faults(Fault("null_body", "GetCustomerAttributeList", times=1))
    with pytest.raises(SettingsError, match="it has none at all"):
        look_up(sandbox, tmp_path, check("customers_by_action", attributes=["Alias"]))
    look_up(sandbox, tmp_path, check("customers_by_action", attributes=["Alias"]))
    assert len(asked(sandbox, CUSTOMER_ATTRIBUTES)) == 2


@pytest.mark.parametrize("fault", ["not_found", "forbidden"])
def test_a_tenant_without_a_list_of_activity_events_is_told_to_name_them(
    sandbox: RunningSandbox, tmp_path: Path, fault: str
) -> None:
    sandbox.faults(Fault(fault, "GetActivityEventList"))
    with pytest.raises(SettingsError, match=r"^reports\.filters\.activity_events: name report 15's events"):
        look_up(sandbox, tmp_path, lambda lookups: lookups.activity_events())
