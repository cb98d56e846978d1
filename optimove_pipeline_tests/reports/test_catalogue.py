"""The catalogue: 27 records that agree with the reference and with each other."""

import json
from graphlib import TopologicalSorter
from pathlib import Path

import polars as pl
import pytest

from optimove_pipeline.feeds import Kind, snake_case
from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.reports.catalogue.descriptions import DESCRIPTIONS
from optimove_pipeline.reports.report import Filter, Over, Report, Source
from optimove_pipeline.settings.reports import Filters, Reports

SAMPLES = json.loads((Path(__file__).parents[1] / "data" / "optimove_api_samples.json").read_text(encoding="utf-8"))

FUNCTIONS = {
    1: "customers/GetCustomersByAction",
    2: "customers/GetCustomerActionsByTargetGroup",
    3: "customers/GetCustomerOneTimeActionsByDate",
    4: "customers/GetCustomerOneTimeActionsByCampaign",
    5: "customers/GetCustomerAttributeChangers",
    6: "customers/GetCustomerFutureValues",
    7: "customers/GetCustomerActionDetailsByDate",
    8: "customers/GetCustomersActionEndedByDate",
    9: "customers/GetCustomerExecutionDetailsByCampaign",
    10: "customers/GetCustomerSendDetailsByCampaign",
    11: "customers/GetCustomerSendDetailsByChannel",
    12: "customers/GetCurrentlyTargetedCustomers",
    13: "customers/GetCustomerProductDetailsByDate",
    14: "customers/GetCampaignInteractionCustomers",
    15: "customers/GetCustomersActivityEventAttributes",
    16: "groups/GetTargetGroupsByDate",
    17: "groups/GetTargetGroupDetails",
    18: "actions/GetAllActions",
    19: "actions/GetActionsByTargetGroup",
    20: "actions/GetPromoCodes",
    21: "actions/GetPromoCodesByCampaign",
    22: "actions/GetPromoCodesByTargetGroup",
    23: "actions/GetActionDetailsByTargetGroup",
    24: "actions/GetExecutedCampaignDetails",
    25: "actions/GetExecutionChannels",
    26: "actions/GetExecutedCampaignChannelDetails",
    27: "actions/GetExecutedCampaignsByChannel",
}
"""Reference, section 2."""

NAMES_WITHOUT_SAMPLE = {
    9: "customer_execution_details_by_campaign",
    13: "customer_product_details_by_date",
    14: "campaign_interaction_customers",
    15: "customers_activity_event_attributes",
}

SNAPSHOTS = {
    "customer_attribute_changers",
    "customer_future_values",
    "currently_targeted_customers",
    "target_group_details",
    "all_actions",
    "execution_channels",
}

each_report = pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)


def test_the_27_reports_have_their_numbers_and_functions() -> None:
    assert {report.number: report.function for report in REPORTS} == FUNCTIONS
    assert len(REPORTS) == len(BY_NAME) == 27


def test_names_are_those_of_the_samples() -> None:
    functions = {report.function: report.name for report in REPORTS}
    for slug, sample in SAMPLES.items():
        if sample["endpoint"] in functions:
            assert slug.partition("__")[0] == functions[sample["endpoint"]]
    sampled = {slug.partition("__")[0] for slug in SAMPLES} & set(BY_NAME)
    assert set(BY_NAME) - sampled == set(NAMES_WITHOUT_SAMPLE.values())
    assert {number: report.name for report in REPORTS if (number := report.number) in NAMES_WITHOUT_SAMPLE} == (
        NAMES_WITHOUT_SAMPLE
    )


def test_the_snapshots_are_those_without_a_date() -> None:
    assert {report.name for report in REPORTS if report.snapshot} == SNAPSHOTS


def test_only_reports_without_a_settled_contract_are_undocumented_and_open() -> None:
    assert {report.number for report in REPORTS if not report.documented} == {13, 14, 15}
    assert {report.number for report in REPORTS if report.open_schema} == {13, 14, 15}


def test_reports_whose_past_days_change_are_read_again() -> None:
    assert {report.number: report.look_back for report in REPORTS if report.look_back} == {
        9: 2,
        10: 2,
        11: 2,
        14: 6,
        26: 2,
    }


def test_only_customer_functions_are_paged() -> None:
    assert {report for report in REPORTS if report.paged} == {
        report for report in REPORTS if report.function.startswith("customers/")
    }


def test_seven_reports_take_customer_attributes() -> None:
    assert {report.number for report in REPORTS if report.attributes} == {1, 2, 3, 4, 5, 9, 11}


@each_report
def test_the_key_is_made_of_columns_of_the_report(report: Report) -> None:
    assert report.key
    assert {report.column(name) is not None for name in report.key} == {True}
    assert len(set(report.key)) == len(report.key)


@each_report
def test_column_and_field_names_are_distinct(report: Report) -> None:
    names = [column.name for column in report.columns]
    fields = [
        spelling.lower() for column in report.columns if column.field for spelling in (column.field, *column.aliases)
    ]
    assert len(set(names)) == len(names)
    assert len(set(fields)) == len(fields)
    assert "report_date" not in names


@each_report
def test_column_names_follow_from_the_fields(report: Report) -> None:
    renamed = {"start_date"} if report.number == 8 else {"scheduled_time"}
    for column in report.columns:
        assert column.stamped or column.name in renamed or column.name == snake_case(column.field)


@each_report
def test_every_stamp_fills_a_column_and_every_stamped_column_has_its_parameter(report: Report) -> None:
    stamps = {parameter.stamp for parameter in report.parameters if parameter.stamp}
    stamped = {column.name for column in report.columns if column.stamped}
    assert stamped <= stamps <= {column.name for column in report.columns}


@each_report
def test_a_snapshot_has_no_date_and_every_other_report_is_of_a_day(report: Report) -> None:
    dated = any(parameter.source is Source.DATE for parameter in report.parameters)
    by_campaign = any(parameter.source is Source.CAMPAIGN for parameter in report.parameters)
    assert (dated or by_campaign) is not report.snapshot


@each_report
def test_upstream_reports_exist_and_have_the_columns_that_plans_read(report: Report) -> None:
    for name in report.upstream:
        assert name in BY_NAME
        assert BY_NAME[name].column("campaign_id" if "campaign" in name else BY_NAME[name].key[-1]) is not None


def test_no_report_needs_itself_by_any_way() -> None:
    order = [*TopologicalSorter({report.name: report.upstream for report in REPORTS}).static_order()]
    assert len(order) == 27


@each_report
def test_filters_and_reports_agree(report: Report) -> None:
    assert (Filter.OPTIONAL_CHANNEL in report.filters) <= (Filter.CHANNELS in report.filters)
    assert (report.over is Over.LIFECYCLE_STAGE) == (Filter.LIFECYCLE in report.filters)
    assert set(report.filters) <= {Filter(name) for name in Filters.model_fields} | {Filter.OPTIONAL_CHANNEL}


@each_report
def test_ids_of_customers_sends_and_templates_are_text(report: Report) -> None:
    for name in ("customer_id", "send_id", "template_id"):
        column = report.column(name)
        assert column is None or column.kind is Kind.TEXT
    assert all(isinstance(column.kind.dtype, pl.DataType) for column in report.columns)


@each_report
def test_what_tells_of_a_customer_is_marked_personal(report: Report) -> None:
    customer = report.column("customer_id")
    assert customer is None or customer.personal


@each_report
def test_every_report_can_be_configured(report: Report) -> None:
    own = Reports().of(report)
    assert (own.function, own.paged, own.look_back) == (report.function, report.paged, report.look_back)


def test_every_column_is_described_and_a_columns_own_description_comes_first() -> None:
    assert [column.name for report in REPORTS for column in report.columns if not column.description] == []
    start = BY_NAME["customer_action_ended_by_date"].column("start_date")
    assert start is not None
    assert start.description == "the action's start; the partition is its end"
    assert {column.name for report in REPORTS for column in report.columns} >= DESCRIPTIONS.keys()
