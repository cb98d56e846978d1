"""Planning: the exact calls that follow from settings and upstream rows."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.reports.planning import Known, needs_lookup, plan, read_upstream, row_filter
from optimove_pipeline.reports.report import Report
from optimove_pipeline.settings.reports import Reports

DAY = date(2026, 11, 20)

ROWS: dict[str, list[dict[str, str | None]]] = {
    "target_groups_by_date": [{"target_group_id": "9"}, {"target_group_id": "24"}],
    "actions_by_target_group": [
        {"target_group_id": "9", "recipient_group_id": "1", "action_id": "23"},
        {"target_group_id": "24", "recipient_group_id": "2", "action_id": "27"},
        {"target_group_id": "24", "recipient_group_id": "1", "action_id": "23"},
    ],
    "customer_action_details_by_date": [
        {"customer_id": "A1", "recipient_group_id": "1", "action_id": "23"},
        {"customer_id": "A2", "recipient_group_id": "0", "action_id": "1"},
    ],
    "all_actions": [{"action_id": "1"}, {"action_id": "23"}, {"action_id": "27"}],
    "executed_campaign_details": [
        {"campaign_id": "221", "status": "Successful"},
        {"campaign_id": "81", "status": "Failed"},
        {"campaign_id": "90", "status": None},
    ],
    "customer_one_time_actions_by_date": [{"customer_id": "A1", "action_id": "19"}],
    "execution_channels": [{"channel_id": "504"}, {"channel_id": "505"}],
    "executed_campaigns_by_channel": [
        {"channel_id": "504", "campaign_id": "221"},
        {"channel_id": "505", "campaign_id": "221"},
        {"channel_id": "505", "campaign_id": "90"},
    ],
}


def frame(report: str, rows: Sequence[Mapping[str, str | None]]) -> pl.LazyFrame:
    columns = [column.name for column in BY_NAME[report].columns]
    return pl.LazyFrame(
        {name: [row.get(name) for row in rows] for name in columns}, dict.fromkeys(columns, pl.String)
    )


def planned(name: str, settings: Mapping[str, Any] | None = None, **rows: Any) -> list[Call]:
    """Return the plan of a report with exactly the upstream rows that it says to read."""
    report, reports = BY_NAME[name], Reports.model_validate(settings or {})
    known = Known(
        {upstream: frame(upstream, {**ROWS, **rows}[upstream]) for upstream in read_upstream(report, reports)},
        lifecycle_stages=("1", "2") if needs_lookup(report, reports.filters) else (),
        activity_events=("3", "login") if needs_lookup(report, reports.filters) else (),
    )
    return plan(report, DAY, reports, known)


def queries(name: str, settings: Mapping[str, Any] | None = None, **rows: Any) -> list[str]:
    return [call.query for call in planned(name, settings, **rows)]


PLANS = {
    "customers_by_action": [
        "RecipientGroupID=0 ActionID=1 Date=2026-11-20",
        "RecipientGroupID=1 ActionID=23 Date=2026-11-20",
        "RecipientGroupID=2 ActionID=27 Date=2026-11-20",
    ],
    "customer_actions_by_target_group": [
        "TargetGroupID=24 Date=2026-11-20 IncludeControlGroup=true IncludeRecipientGroupID=true",
        "TargetGroupID=9 Date=2026-11-20 IncludeControlGroup=true IncludeRecipientGroupID=true",
    ],
    "customer_one_time_actions_by_date": ["Date=2026-11-20 IncludeControlGroup=true"],
    "customer_one_time_actions_by_campaign": [
        "CampaignID=221 IncludeControlGroup=true",
        "CampaignID=81 IncludeControlGroup=true",
        "CampaignID=90 IncludeControlGroup=true",
    ],
    "customer_attribute_changers": [],
    "customer_future_values": ["LifecycleStageID=1", "LifecycleStageID=2"],
    "customer_action_details_by_date": ["Date=2026-11-20"],
    "customer_action_ended_by_date": ["Date=2026-11-20"],
    "customer_execution_details_by_campaign": [
        "CampaignID=221 ChannelID=504",
        "CampaignID=221 ChannelID=505",
        "CampaignID=90 ChannelID=505",
    ],
    "customer_send_details_by_campaign": [
        "CampaignID=221 IncludeTemplateIDs=true",
        "CampaignID=90 IncludeTemplateIDs=true",
    ],
    "customer_send_details_by_channel": [
        "ChannelID=504 CampaignID=221",
        "ChannelID=505 CampaignID=221",
        "ChannelID=505 CampaignID=90",
    ],
    "currently_targeted_customers": [""],
    "customer_product_details_by_date": ["Date=2026-11-20"],
    "campaign_interaction_customers": [
        f"Date=2026-11-20 ChannelID={channel} EventID={event}"
        for channel in (504, 505)
        for event in (0, 1, 2, 3, 4, 5, 6, 9)
    ],
    "customers_activity_event_attributes": ["Date=2026-11-20 EventID=3", "Date=2026-11-20 EventID=login"],
    "target_groups_by_date": ["Date=2026-11-20"],
    "target_group_details": [""],
    "all_actions": [""],
    "actions_by_target_group": ["TargetGroupID=24 Date=2026-11-20", "TargetGroupID=9 Date=2026-11-20"],
    "promo_codes": ["Date=2026-11-20"],
    "promo_codes_by_campaign": ["CampaignID=221", "CampaignID=81", "CampaignID=90"],
    "promo_codes_by_target_group": ["TargetGroupID=24 Date=2026-11-20", "TargetGroupID=9 Date=2026-11-20"],
    "action_details_by_target_group": ["TargetGroupID=24 Date=2026-11-20", "TargetGroupID=9 Date=2026-11-20"],
    "executed_campaign_details": ["Date=2026-11-20"],
    "execution_channels": [""],
    "executed_campaign_channel_details": [
        "CampaignID=221 ChannelID=504",
        "CampaignID=221 ChannelID=505",
        "CampaignID=90 ChannelID=505",
    ],
    "executed_campaigns_by_channel": ["ChannelID=504 Date=2026-11-20", "ChannelID=505 Date=2026-11-20"],
}


def test_every_report_has_its_plan_here() -> None:
    assert set(PLANS) == set(BY_NAME)


@pytest.mark.parametrize("name", PLANS)
def test_the_plan_of_a_report_is_exact(name: str) -> None:
    assert queries(name) == PLANS[name]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_a_call_carries_what_its_report_says(report: Report) -> None:
    for call in planned(report.name):
        assert (call.function, call.report, call.day) == (report.function, report.name, DAY)
        assert (call.paged, call.documented) == (report.paged, report.documented)
        assert {column for column, _ in call.stamps} == {p.stamp for p in report.parameters if p.stamp}


@pytest.mark.parametrize(
    ("name", "filters", "expected"),
    [
        ("customers_by_action", {"actions": [27]}, ["RecipientGroupID=2 ActionID=27 Date=2026-11-20"]),
        ("actions_by_target_group", {"target_groups": [9, 10]}, ["TargetGroupID=9 Date=2026-11-20"]),
        ("promo_codes_by_campaign", {"campaigns": [81]}, ["CampaignID=81"]),
        ("customer_send_details_by_campaign", {"campaigns": [81, 90]}, ["CampaignID=90 IncludeTemplateIDs=true"]),
        ("customer_send_details_by_channel", {"campaigns": [90]}, ["ChannelID=505 CampaignID=90"]),
        ("customer_execution_details_by_campaign", {"channels": [504]}, ["CampaignID=221 ChannelID=504"]),
        ("executed_campaign_channel_details", {"channels": [504], "campaigns": [90]}, []),
        ("executed_campaigns_by_channel", {"channels": [506]}, ["ChannelID=506 Date=2026-11-20"]),
        (
            "campaign_interaction_customers",
            {"channels": [505], "events": [2, 3]},
            ["Date=2026-11-20 ChannelID=505 EventID=2", "Date=2026-11-20 ChannelID=505 EventID=3"],
        ),
        ("customers_activity_event_attributes", {"activity_events": ["bet"]}, ["Date=2026-11-20 EventID=bet"]),
        ("customer_future_values", {"lifecycle_stages": [4]}, ["LifecycleStageID=4"]),
        (
            "customer_future_values",
            {"attribute_value": {"attribute": "Country", "value": "UK"}},
            ["CustomerAttribute=Country CustomerAttributeValue=UK"],
        ),
        (
            "customer_attribute_changers",
            {"changed_attributes": ["Alias", "Country"]},
            ["ChangedCustomerAttribute=Alias", "ChangedCustomerAttribute=Country"],
        ),
        ("customer_one_time_actions_by_campaign", {"campaigns": [90]}, ["CampaignID=90 IncludeControlGroup=true"]),
    ],
)
def test_a_filter_narrows_the_plan(name: str, filters: dict[str, Any], expected: list[str]) -> None:
    assert queries(name, {"filters": filters}) == expected


def test_a_filter_of_another_report_leaves_the_plan_as_it_is() -> None:
    filters = {"actions": [1], "campaigns": [1], "target_groups": [1], "events": [1], "changed_attributes": ["A"]}
    assert queries("executed_campaigns_by_channel", {"filters": filters}) == PLANS["executed_campaigns_by_channel"]
    assert queries("promo_codes", {"filters": filters}) == PLANS["promo_codes"]


@pytest.mark.parametrize("name", ["customer_actions_by_target_group", "customer_one_time_actions_by_campaign"])
def test_one_channel_is_asked_for_and_several_are_left_to_the_rows(name: str) -> None:
    report = BY_NAME[name]
    one, several = ({"filters": {"channels": channels}} for channels in ([504], [504, 505]))
    assert queries(name, one) == [f"{query} ChannelID=504" for query in PLANS[name]]
    assert queries(name, several) == PLANS[name]
    assert row_filter(report, Reports.model_validate(several).filters) == {"channel_id": frozenset({"504", "505"})}


def test_rows_are_only_filtered_where_the_request_has_no_channel() -> None:
    filters = Reports.model_validate({"filters": {"channels": [504]}}).filters
    filtered = {report.name for report in REPORTS if row_filter(report, filters)}
    assert filtered == {
        "customer_actions_by_target_group",
        "customer_one_time_actions_by_campaign",
        "customer_send_details_by_campaign",
    }
    assert not any(row_filter(report, Reports().filters) for report in REPORTS)


def test_an_exhaustive_plan_tries_every_action_in_ten_recipient_groups() -> None:
    found = queries("customers_by_action", {"planning": "exhaustive"})
    assert found == [
        f"RecipientGroupID={group} ActionID={action} Date=2026-11-20" for action in (1, 23, 27) for group in range(10)
    ]
    narrowed = queries("customers_by_action", {"planning": "exhaustive", "filters": {"actions": [23]}})
    assert len(narrowed) == 10


def test_a_failed_campaign_has_no_sends_unless_another_row_says_otherwise() -> None:
    rows = [
        {"campaign_id": "1", "status": "FAILED"},
        {"campaign_id": "2", "status": "Failed"},
        {"campaign_id": "2", "status": "Successful"},
    ]
    name = "customer_send_details_by_campaign"
    assert queries(name, executed_campaign_details=rows) == ["CampaignID=2 IncludeTemplateIDs=true"]
    assert len(queries(name, {"planning": "exhaustive"}, executed_campaign_details=rows)) == 2


def test_campaigns_are_not_asked_for_one_time_actions_on_a_day_without_any() -> None:
    name = "customer_one_time_actions_by_campaign"
    assert queries(name, customer_one_time_actions_by_date=[]) == []
    exhaustive = queries(name, {"planning": "exhaustive"}, customer_one_time_actions_by_date=[])
    assert exhaustive == PLANS[name]


@pytest.mark.parametrize("name", BY_NAME)
def test_nulls_and_repeated_rows_upstream_change_nothing(name: str) -> None:
    untidy = {report: [*rows, {}, *reversed(rows)] for report, rows in ROWS.items()}
    if name == "customer_one_time_actions_by_campaign":
        untidy["executed_campaign_details"] = [*ROWS["executed_campaign_details"], {"status": "Successful"}]
    assert queries(name, None, **untidy) == PLANS[name]


@pytest.mark.parametrize("report", [report for report in REPORTS if report.upstream], ids=lambda report: report.name)
def test_nothing_upstream_means_no_calls(report: Report) -> None:
    assert queries(report.name, None, **{name: [] for name in ROWS}) == []


def test_stamps_hold_what_the_rows_do_not_echo() -> None:
    (call, *_) = planned("customers_by_action")
    assert call.stamps == (("recipient_group_id", "0"), ("action_id", "1"))
    (call, *_) = planned("customer_send_details_by_channel")
    assert call.stamps == (("channel_id", "504"), ("campaign_id", "221"))
    (call,) = planned("customer_future_values", {"filters": {"attribute_value": {"attribute": "A", "value": "B"}}})
    assert call.stamps == (("lifecycle_stage_id", None),)
    (call,) = planned("customer_attribute_changers", {"filters": {"changed_attributes": ["Alias"]}})
    assert call.stamps == (("changed_customer_attribute", "Alias"),)


def test_attributes_are_asked_for_in_their_order_where_the_report_takes_them() -> None:
    settings = {"attributes": ["Country", "Alias"]}
    assert queries("customer_one_time_actions_by_date", settings) == [
        "Date=2026-11-20 IncludeControlGroup=true CustomerAttributes=Country;Alias"
    ]
    assert queries("promo_codes", settings) == PLANS["promo_codes"]


def test_names_of_functions_and_parameters_can_be_the_tenants() -> None:
    own = {
        "function": "customers/GetInteractions",
        "parameters": {"EventID": "InteractionType", "Date": "DeliveryDate"},
        "paged": False,
    }
    settings = {"filters": {"channels": [504], "events": [2]}, "each": {"campaign_interaction_customers": own}}
    (call,) = planned("campaign_interaction_customers", settings)
    assert call.query == "DeliveryDate=2026-11-20 ChannelID=504 InteractionType=2"
    assert (call.function, call.paged) == ("customers/GetInteractions", False)
    assert call.stamps == (("channel_id", "504"), ("event_id", "2"))


def test_identical_calls_are_planned_once() -> None:
    filters = {"channels": [504, 504], "events": [2, 2], "activity_events": [1, "1"], "lifecycle_stages": [3, 3]}
    assert len(queries("campaign_interaction_customers", {"filters": filters})) == 1
    assert len(queries("customers_activity_event_attributes", {"filters": filters})) == 1
    assert len(queries("customer_future_values", {"filters": filters})) == 1


def test_only_what_the_plan_needs_is_read_and_looked_up() -> None:
    def reads(name: str, settings: Mapping[str, Any]) -> tuple[str, ...]:
        return read_upstream(BY_NAME[name], Reports.model_validate(settings))

    executed = ("actions_by_target_group", "customer_action_details_by_date")
    assert reads("customers_by_action", {}) == executed
    assert reads("customers_by_action", {"planning": "exhaustive"}) == ("all_actions",)
    assert reads("campaign_interaction_customers", {"filters": {"channels": [504]}}) == ()
    assert reads("customer_execution_details_by_campaign", {"filters": {"channels": [504]}}) == (
        "executed_campaigns_by_channel",
    )
    by_value = {"attribute_value": {"attribute": "A", "value": "B"}}
    for name, filters in [
        ("customer_future_values", by_value),
        ("customer_future_values", {"lifecycle_stages": [1]}),
        ("customers_activity_event_attributes", {"activity_events": ["1"]}),
    ]:
        assert needs_lookup(BY_NAME[name], Reports().filters)
        assert not needs_lookup(BY_NAME[name], Reports.model_validate({"filters": filters}).filters)
    assert not needs_lookup(BY_NAME["promo_codes"], Reports().filters)


@given(
    groups=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 6)), max_size=8),
    details=st.lists(st.tuples(st.integers(0, 9), st.integers(1, 6)), max_size=8),
    campaigns=st.lists(st.tuples(st.integers(1, 5), st.sampled_from(["Failed", "Successful", None])), max_size=8),
    one_time=st.booleans(),
    actions=st.lists(st.integers(1, 6), max_size=2),
    name=st.sampled_from(
        ["customers_by_action", "customer_send_details_by_campaign", "customer_one_time_actions_by_campaign"]
    ),
)
def test_what_is_executed_is_part_of_every_combination(
    groups: list[tuple[int, int]],
    details: list[tuple[int, int]],
    campaigns: list[tuple[int, str | None]],
    one_time: bool,
    actions: list[int],
    name: str,
) -> None:
    pairs = [[{"recipient_group_id": str(g), "action_id": str(a)} for g, a in found] for found in (groups, details)]
    rows: dict[str, Any] = {
        "actions_by_target_group": pairs[0],
        "customer_action_details_by_date": pairs[1],
        "all_actions": [{"action_id": str(number)} for number in range(1, 7)],
        "executed_campaign_details": [{"campaign_id": str(number), "status": status} for number, status in campaigns],
        "customer_one_time_actions_by_date": [{"action_id": "19"}] if one_time else [],
    }
    executed, exhaustive = (
        queries(name, {"planning": planning, "filters": {"actions": actions}}, **rows)
        for planning in ("executed", "exhaustive")
    )
    assert set(executed) <= set(exhaustive)
    assert len(set(executed)) == len(executed)
    assert len(set(exhaustive)) == len(exhaustive)
