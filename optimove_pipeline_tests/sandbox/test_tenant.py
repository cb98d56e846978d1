"""The tenant's reports agree with each other, on every day and for every seed."""

from collections import Counter, defaultdict
from datetime import date, timedelta
from itertools import pairwise

import pytest

from optimove_pipeline.sandbox.options import SandboxOptions, TenantOptions, tenant_options
from optimove_pipeline.sandbox.rows import Row
from optimove_pipeline.sandbox.tenant import Tenant
from optimove_pipeline.sandbox.truth import Choices, reports, truth, truth_count

TODAY = date(2026, 11, 20)
DAYS = [date(2026, 11, 13) + timedelta(days=number) for number in range(7)]
TENANTS = [
    Tenant(tenant_options(SandboxOptions(preset=preset, seed=seed, customers=customers)), TODAY)
    for preset, seed, customers in (("tiny", 1, 400), ("tiny", 77, 400), ("small", 5, 1_500))
]

every_tenant = pytest.mark.parametrize("tenant", TENANTS, ids=lambda t: f"{t.options.customers}-{t.options.seed}")
every_day = pytest.mark.parametrize("day", [DAYS[0], DAYS[1], DAYS[5]], ids=str)


def values(rows: list[Row], *columns: str) -> list[tuple[object, ...]]:
    """Some columns of all rows, sorted."""
    return sorted((tuple(row[column] for column in columns) for row in rows), key=repr)


@every_tenant
@every_day
def test_action_details_by_date_are_the_union_of_customers_by_action(tenant: Tenant, day: date) -> None:
    by_action = truth(tenant, "customers_by_action", day)
    by_date = truth(tenant, "customer_action_details_by_date", day)
    columns = ("customer_id", "recipient_group_id", "action_id")
    assert by_action
    assert values(by_action, *columns) == sorted(set(values(by_date, *columns)), key=repr)


@every_tenant
@every_day
def test_live_pairs_are_those_of_the_groups_and_of_one_time_campaigns(tenant: Tenant, day: date) -> None:
    pair = ("recipient_group_id", "action_id")
    pairs = set(values(truth(tenant, "customers_by_action", day), *pair))
    of_groups = set(values(truth(tenant, "actions_by_target_group", day), *pair))
    one_time = set(values(truth(tenant, "customer_one_time_actions_by_campaign", day), *pair))
    assert one_time
    assert pairs == of_groups | one_time
    assert pairs == set(values(truth(tenant, "customer_action_details_by_date", day), *pair))


@every_tenant
@every_day
def test_sends_by_campaign_by_channel_and_execution_details_agree(tenant: Tenant, day: date) -> None:
    columns = ("customer_id", "campaign_id", "channel_id", "template_id")
    by_campaign = truth(tenant, "customer_send_details_by_campaign", day)
    by_channel = truth(tenant, "customer_send_details_by_channel", day)
    executed = truth(tenant, "customer_execution_details_by_campaign", day)
    assert values(by_campaign, *columns) == values(by_channel, *columns) == values(executed, *columns)
    time = "scheduled_time"
    assert values(by_campaign, *columns, time) == values(by_channel, *columns, time)
    assert values(by_campaign, *columns, time) == values(executed, *columns, "schedule_time")


@every_tenant
@every_day
def test_batches_of_a_campaign_are_those_that_its_customers_got(tenant: Tenant, day: date) -> None:
    columns = ("campaign_id", "channel_id", "template_id", "send_id", "scheduled_time")
    batches = values(truth(tenant, "executed_campaign_channel_details", day), *columns)
    sends = values(truth(tenant, "customer_send_details_by_campaign", day), *columns)
    assert set(sends) <= set(batches)
    assert len(set(batches)) == len(batches)


@every_tenant
@every_day
def test_promo_codes_agree_by_date_by_campaign_and_by_group(tenant: Tenant, day: date) -> None:
    promotion = ("recipient_group_id", "action_id", "promo_code")
    by_date = truth(tenant, "promo_codes", day)
    assert values(by_date, *promotion) == values(truth(tenant, "promo_codes_by_campaign", day), *promotion)
    by_group = truth(tenant, "promo_codes_by_target_group", day)
    assert values(by_date, "target_group_id", *promotion) == values(by_group, "target_group_id", *promotion)


@every_tenant
@every_day
def test_groups_of_a_day_are_those_of_its_campaigns_that_did_not_fail(tenant: Tenant, day: date) -> None:
    campaigns = truth(tenant, "executed_campaign_details", day)
    groups = {row["target_group_id"] for row in campaigns if row["status"] == "Successful"} - {0}
    assert {row["target_group_id"] for row in truth(tenant, "target_groups_by_date", day)} == groups
    defined = {row["target_group_id"] for row in truth(tenant, "target_group_details", day)}
    assert groups < defined


@every_tenant
@every_day
def test_reports_by_group_name_the_same_actions_and_customers(tenant: Tenant, day: date) -> None:
    pair = ("target_group_id", "recipient_group_id", "action_id")
    actions = truth(tenant, "actions_by_target_group", day)
    details = truth(tenant, "action_details_by_target_group", day)
    assert set(values(actions, *pair)) == set(values(details, *pair))
    assert len(set(values(actions, *pair))) == len(actions)
    everyone = truth(tenant, "customer_actions_by_target_group", day, Choices(recipient_group_ids=True))
    assert set(values(everyone, *pair, "channel_id")) == set(values(details, *pair, "channel_id"))


@every_tenant
@every_day
def test_groups_and_one_time_campaigns_together_are_all_actions_of_the_day(tenant: Tenant, day: date) -> None:
    columns = ("customer_id", "action_id", "channel_id")
    by_group = truth(tenant, "customer_actions_by_target_group", day)
    one_time = truth(tenant, "customer_one_time_actions_by_date", day)
    by_date = truth(tenant, "customer_action_details_by_date", day)
    assert values(by_group + one_time, *columns) == values(by_date, *columns)
    by_campaign = truth(tenant, "customer_one_time_actions_by_campaign", day)
    assert values(one_time, *columns) == values(by_campaign, *columns)


@every_tenant
@every_day
def test_campaigns_by_channel_are_the_successful_ones_with_sends_there(tenant: Tenant, day: date) -> None:
    campaigns = truth(tenant, "executed_campaign_details", day)
    successful = {row["campaign_id"] for row in campaigns if row["status"] == "Successful"}
    by_channel = truth(tenant, "executed_campaigns_by_channel", day)
    assert {row["campaign_id"] for row in by_channel} == successful
    columns = ("campaign_id", "channel_id")
    batches = truth(tenant, "executed_campaign_channel_details", day)
    assert set(values(by_channel, *columns)) == set(values(batches, *columns))


@every_tenant
@every_day
def test_actions_that_ended_on_a_day_began_their_duration_before(tenant: Tenant, day: date) -> None:
    ended = truth(tenant, "customer_action_ended_by_date", day)
    assert ended
    assert all(row["start_date"] + timedelta(days=row["duration"]) == day for row in ended)
    for start in {row["start_date"] for row in ended}:
        columns = ("customer_id", "action_id", "channel_id")
        began = values(truth(tenant, "customer_action_details_by_date", start), *columns)
        assert set(values([row for row in ended if row["start_date"] == start], *columns)) <= set(began)


@every_tenant
@every_day
def test_currently_targeted_customers_are_in_campaigns_that_have_not_ended(tenant: Tenant, day: date) -> None:
    targeted = truth(tenant, "currently_targeted_customers", day)
    assert {row["start_date"] for row in targeted} > {day}
    assert all(row["start_date"] <= day < row["end_date"] for row in targeted)
    for end in {row["end_date"] for row in targeted if row["end_date"] < TODAY}:
        columns = ("customer_id", "action_id", "start_date")
        ended = values(truth(tenant, "customer_action_ended_by_date", end), *columns)
        assert set(values([row for row in targeted if row["end_date"] == end], *columns)) <= set(ended)


@every_tenant
@every_day
def test_control_groups_appear_only_on_demand_and_got_nothing(tenant: Tenant, day: date) -> None:
    report = "customer_actions_by_target_group"
    without = truth(tenant, report, day)
    with_control = truth(tenant, report, day, Choices(control_group=True))
    control = [row for row in with_control if row["action_id"] == 1]
    assert control
    assert values(without, "customer_id") == values([r for r in with_control if r not in control], "customer_id")
    reached = {row["customer_id"] for row in without}
    assert reached.isdisjoint(row["customer_id"] for row in control)


@every_tenant
@every_day
def test_everyone_is_in_one_lifecycle_stage_that_their_attribute_names(tenant: Tenant, day: date) -> None:
    rows = truth(tenant, "customer_future_values", day)
    assert len({row["customer_id"] for row in rows}) == len(rows) == tenant.options.customers
    stages = {row["customer_id"]: row["lifecycle_stage_id"] for row in rows}
    now = Tenant(tenant.options, day + timedelta(days=1))
    named = truth(now, "customers_by_action", day, Choices(attributes=("LifecycleStage",)))
    names = ("New", "Active", "FromChurn", "Churn")
    assert all(row["attribute_lifecycle_stage"] == names[stages[row["customer_id"]] - 1] for row in named)


@every_tenant
@every_day
def test_attribute_changers_changed_from_the_day_before(tenant: Tenant, day: date) -> None:
    report, columns = "customer_attribute_changers", ("customer_id", "final_customer_attribute")
    name = "LastLoginDate"
    chosen = Choices(changed_attributes=(name,), attributes=(name,))
    rows = truth(tenant, report, day, chosen)
    assert all(row["initial_customer_attribute"] != row["final_customer_attribute"] for row in rows)
    assert all(row["attribute_last_login_date"] == row["final_customer_attribute"] for row in rows)
    assert {row["initial_customer_attribute"] is None for row in rows} == {True, False}
    assert len(set(values(rows, *columns))) == len(rows)
    period_later = truth(tenant, report, day + timedelta(days=7), chosen)
    finals = {row["customer_id"]: row["final_customer_attribute"] for row in rows}
    again = [
        (finals[row["customer_id"]], row["initial_customer_attribute"])
        for row in period_later
        if row["customer_id"] in finals and row["initial_customer_attribute"]
    ]
    assert again
    assert all(final == initial for final, initial in again)


@every_tenant
def test_products_are_recommended_once_to_customers_of_the_day(tenant: Tenant) -> None:
    found = [(day, truth(tenant, "customer_product_details_by_date", day)) for day in DAYS]
    assert any(rows for _, rows in found)
    for day, rows in found:
        reached = {row["customer_id"] for row in truth(tenant, "customer_action_details_by_date", day)}
        assert {row["customer_id"] for row in rows} <= reached
        assert len(set(values(rows, "customer_id", "product_id"))) == len(rows)


@every_tenant
@every_day
def test_interactions_follow_from_sends_and_from_each_other(tenant: Tenant, day: date) -> None:
    columns = ("customer_id", "campaign_id", "channel_id", "template_id")
    later = Tenant(tenant.options, day + timedelta(days=10))
    by_event = defaultdict(set)
    for row in truth(later, "campaign_interaction_customers", day):
        by_event[row["event_id"]].add(tuple(row[column] for column in columns))
    sent, delivered, opened = by_event[0], by_event[1], by_event[2]
    recurring = {
        row["campaign_id"] for row in truth(tenant, "executed_campaign_details", day) if row["is_recurrence"]
    }
    sends = truth(later, "customer_send_details_by_campaign", day)
    once = {row for row in values(sends, *columns) if row[1] not in recurring}
    assert {row for row in sent if row[1] not in recurring} == once
    assert sent == delivered | by_event[5] | by_event[9]
    assert sent >= delivered > opened > by_event[3]
    assert not delivered & (by_event[5] | by_event[9])


@every_tenant
def test_interactions_arrive_for_six_days_and_never_disappear(tenant: Tenant) -> None:
    day = DAYS[0]
    seen = []
    for waited in range(9):
        then = Tenant(tenant.options, day + timedelta(days=1 + waited))
        rows = truth(then, "campaign_interaction_customers", day)
        seen.append(set(values(rows, "customer_id", "campaign_id", "channel_id", "template_id", "event_id")))
    assert all(before <= after for before, after in pairwise(seen))
    assert len(seen[0]) < len(seen[6])
    assert seen[6] == seen[8]


@every_tenant
def test_activity_events_have_fields_of_their_own(tenant: Tenant) -> None:
    rows = truth(tenant, "customers_activity_event_attributes", DAYS[0])
    filled: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        filled[row["event_id"]].update(name for name, value in row.items() if value is not None)
    assert filled.keys() == {101, 102, 103, 104}
    assert "amount" in filled[102] - filled[101]
    assert len(set(values(rows, "event_id", "customer_id"))) == len(rows)
    assert all(row["event_date"].startswith(f"{DAYS[0]} ") for row in rows)


@every_tenant
def test_failed_campaigns_exist_and_left_no_trace(tenant: Tenant) -> None:
    failed = {
        (day, row["campaign_id"])
        for day in DAYS
        for row in truth(tenant, "executed_campaign_details", day)
        if row["status"] == "Failed" and row["error"]
    }
    assert failed
    for day, campaign in failed:
        for report in (
            "customer_send_details_by_campaign",
            "promo_codes_by_campaign",
            "executed_campaigns_by_channel",
        ):
            assert campaign not in {row["campaign_id"] for row in truth(tenant, report, day)}


@every_tenant
def test_volume_has_the_pattern_of_a_week(tenant: Tenant) -> None:
    report = "customer_action_details_by_date"
    by_weekday = Counter[int]()
    for number in range(28):
        day = TODAY - timedelta(days=1 + number)
        by_weekday[day.weekday()] += truth_count(tenant, report, day)
    workdays, weekend = [by_weekday[day] for day in range(5)], [by_weekday[5], by_weekday[6]]
    assert max(weekend) < min(workdays)
    assert max(by_weekday, key=by_weekday.__getitem__) == 4


@every_tenant
def test_recurring_campaigns_keep_their_id_and_what_they_are(tenant: Tenant) -> None:
    days_of = defaultdict(set)
    kinds = defaultdict(set)
    for number in range(28):
        day = TODAY - timedelta(days=1 + number)
        for row in truth(tenant, "executed_campaign_details", day):
            days_of[row["campaign_id"]].add(day)
            kinds[row["campaign_id"]].add((row["is_recurrence"], row["target_group_id"], row["campaign_type"]))
    assert all(len(kind) == 1 for kind in kinds.values())
    recurring = {campaign for campaign, kind in kinds.items() if next(iter(kind))[0]}
    assert recurring == {campaign for campaign, days in days_of.items() if len(days) > 1}
    weekly = [days for campaign, days in days_of.items() if campaign in recurring and len(days) == 4]
    assert weekly
    assert all(len({day.weekday() for day in days}) == 1 for days in weekly)


@every_tenant
def test_campaigns_are_of_every_kind(tenant: Tenant) -> None:
    campaigns = [row for day in DAYS for row in truth(tenant, "executed_campaign_details", day)]
    assert {row["campaign_type"] for row in campaigns} == {"Test/Control", "A/B"}
    assert {row["is_multi_channel"] for row in campaigns} == {True, False}
    codes = {row["promo_code"] for day in DAYS for row in truth(tenant, "promo_codes", day)}
    assert "" in codes
    assert len(codes) > 2


def test_several_promo_codes_come_in_one_string() -> None:
    codes = {row["promo_code"] for tenant in TENANTS for day in DAYS for row in truth(tenant, "promo_codes", day)}
    assert any("," in code for code in codes)


@every_tenant
def test_no_customer_id_belongs_to_two_customers(tenant: Tenant) -> None:
    ids = [row["customer_id"] for row in truth(tenant, "customer_future_values", DAYS[0])]
    assert len(set(ids)) == len(ids)
    assert any(not customer.isascii() for customer in ids)
    assert any(customer.startswith("00") for customer in ids)
    assert any(customer.endswith("E7") for customer in ids)


@every_tenant
def test_attribute_values_are_of_every_awkward_kind(tenant: Tenant) -> None:
    chosen = Choices(attributes=("Alias", "City", "AgentNotes", "AffiliateID"))
    rows = truth(tenant, "customers_by_action", DAYS[0], chosen)
    notes = {row["attribute_agent_notes"] for row in rows}
    assert {None, ""} < notes
    assert any("\n" in note and '"' in note for note in notes if note)
    assert any("," in row["attribute_city"] for row in rows)
    assert any(not row["attribute_alias"].isascii() for row in rows)
    assert any(row["attribute_affiliate_id"].startswith("0") for row in rows)


@pytest.mark.parametrize("report", reports())
def test_days_without_data_are_empty(report: str) -> None:
    options = TENANTS[0].options
    for day, today in ((options.start - timedelta(days=1), options.start), (TODAY, TODAY)):
        snapshot = report in {"all_actions", "execution_channels", "target_group_details"}
        if not snapshot and not (
            day == TODAY and report in {"customer_future_values", "currently_targeted_customers"}
        ):
            assert truth(Tenant(options, today), report, day) == []
        else:
            assert truth(Tenant(options, today), report, day)


def test_truth_count_counts_what_truth_lists() -> None:
    chosen = Choices(changed_attributes=("Balance", "Country"), control_group=True)
    for report in reports():
        assert truth_count(TENANTS[0], report, DAYS[3], chosen) == len(truth(TENANTS[0], report, DAYS[3], chosen))


def test_a_tenant_of_another_seed_is_another_tenant() -> None:
    for report in ("customers_by_action", "customer_future_values", "promo_codes", "target_group_details"):
        one, other = (truth(tenant, report, DAYS[0]) for tenant in TENANTS[:2])
        assert one != other


def test_a_day_of_millions_of_rows_is_known_at_once() -> None:
    options = tenant_options(SandboxOptions(preset="large"))
    assert isinstance(options, TenantOptions)
    assert truth_count(Tenant(options, TODAY), "customer_action_details_by_date", date(2026, 11, 20)) == 0
    assert truth_count(Tenant(options, TODAY), "customer_action_details_by_date", date(2026, 11, 13)) > 5_000_000


def test_the_tiny_tenant_is_tiny() -> None:
    chosen = Choices(changed_attributes=("Balance", "VIP_Level"))
    for day in DAYS:
        assert 1_000 < sum(truth_count(TENANTS[0], report, day, chosen) for report in reports()) < 4_000
