"""The share: its statements in their order, and its check.

fakesnow knows no shares, so what is said here of shares, grants, accounts, listings and groups is said by a recorder
of ours, which keeps Snowflake's documented order; databases, tables and views are fakesnow's.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from pydantic import ValidationError

from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.snowflake import sharing
from optimove_pipeline.targets.snowflake.target import SnowflakeTarget
from optimove_pipeline_tests.servers.shares import Share
from optimove_pipeline_tests.servers.snowflake import Recorder
from optimove_pipeline_tests.targets.snowflake.tables import (
    CUSTOMERS,
    REPORT,
    VARIABLE,
    customer,
    rows,
    settings_of,
    target_of,
)

TABLES = [CUSTOMERS, REPORT]
ELSEWHERE = {"consumers": [{"account": "OPTI.PROD_US", "region": "AZURE_EASTUS2"}]}
LISTED = {**ELSEWHERE, "through": "listing"}
REPLICATED = {**ELSEWHERE, "through": "replication", "replica_account": "ACME.REPLICA"}


def share_at(account: Recorder, target: SnowflakeTarget) -> Share:
    return account.shares.shares[target.settings.share.upper()]


def statements(steps: list[Step], who: Who) -> list[str]:
    return [sql for step in steps if step.who is who for sql in step.text.split(";\n")]


def test_the_recorder_of_shares_takes_the_statements_in_their_order(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    done = [*target.connect(TABLES)]
    share, schema = share_at(account, target), target.settings.schema_name.upper()
    assert share.grants == [
        ("USAGE", "DATABASE", "FEEDS"),
        ("USAGE", "SCHEMA", f"FEEDS.{schema}"),
        ("SELECT", "VIEW", f"FEEDS.{schema}.CUSTOMERS"),
        ("SELECT", "VIEW", f"FEEDS.{schema}.PROMO_CODES"),
    ]
    assert (share.accounts, share.unrestricted) == (["OPTI.PROD_EU"], False)
    assert {step.who for step in done} == {Who.PROGRAM}


def test_connecting_again_changes_nothing_at_the_recorder(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    first = [*target.connect(TABLES)]
    kept = replace(share_at(account, target), grants=[*share_at(account, target).grants])
    account.said.clear()
    assert [*target.connect(TABLES)] == first
    assert share_at(account, target) == kept
    assert not any(
        sql.startswith(("CREATE TABLE", "CREATE OR", "CREATE SCHEMA", "CREATE DATABASE")) for sql in account.said
    )


def test_the_recorder_needs_reference_usage_for_tables_of_another_database(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path, tables_database="Feed_Tables")
    list(target.connect([CUSTOMERS]))
    target.load(rows(CUSTOMERS, "2026-11-20", [customer(1, "one")]))
    assert ("REFERENCE_USAGE", "DATABASE", "FEED_TABLES") in share_at(account, target).grants
    assert target.check([CUSTOMERS])[-1].step.startswith("read CUSTOMERS (1 rows, newest change 2026-11-20 07:08:09")


def test_an_account_that_is_added_later_joins_the_others_at_the_recorder(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path, consumers=[])
    list(target.connect(TABLES))
    assert share_at(account, target).accounts == []
    more = target.settings.model_validate(
        {
            **target.settings.model_dump(),
            "consumers": [{"account": "OPTI.A"}, {"account": "OPTI.B"}],
            "share_restrictions": False,
        }
    )
    list(replace(target, settings=more).connect(TABLES))
    assert (share_at(account, target).accounts, share_at(account, target).unrestricted) == (
        ["OPTI.A", "OPTI.B"],
        True,
    )


def test_a_listing_at_the_recorder_names_accounts_and_how_often_it_is_refreshed(
    account: Recorder, tmp_path: Path
) -> None:
    target = target_of(account, tmp_path, listing="To_Optimove", refresh_minutes=10, **LISTED)
    list(target.connect(TABLES))
    manifest = account.shares.listings["TO_OPTIMOVE"]
    assert 'accounts: ["OPTI.PROD_US"]' in manifest
    assert "refresh_schedule: '10 MINUTE'" in manifest
    assert share_at(account, target).accounts == []
    assert [step.step for step in target.check(TABLES)][3] == "listing TO_OPTIMOVE"


def test_a_replication_group_at_the_recorder_takes_database_and_share(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path, listing="Copies", **REPLICATED)
    list(target.connect(TABLES))
    made = account.shares.groups["COPIES"]
    assert 'ALLOWED_DATABASES = "FEEDS"\n' in made
    assert f"ALLOWED_SHARES = {target.names.share}\n" in made
    assert "ALLOWED_ACCOUNTS = ACME.REPLICA\n" in made
    steps = target.settings.steps("share", TABLES)
    (there,) = [step for step in steps if step.title.startswith("in ACME.REPLICA")]
    assert there.text.splitlines() == [
        'CREATE REPLICATION GROUP IF NOT EXISTS "COPIES" AS REPLICA OF ACME.PROD."COPIES";',
        'ALTER REPLICATION GROUP "COPIES" REFRESH;',
        f"ALTER SHARE {target.names.share} ADD ACCOUNTS = OPTI.PROD_US;",
    ]


def test_a_share_to_another_region_is_refused_with_what_to_set_instead(account: Recorder) -> None:
    with pytest.raises(
        ValidationError, match=r"OPTI\.PROD_US is in AZURE_EASTUS2.*set through: listing, or replication"
    ):
        settings_of(account, **ELSEWHERE)


@pytest.mark.parametrize("more", [{}, LISTED, REPLICATED], ids=["share", "listing", "replication"])
def test_steps_print_all_that_connecting_says_and_no_secret(
    more: dict[str, Any], account: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = target_of(account, tmp_path, database=f"New_{'_'.join(more)}", **more)
    steps = target.settings.steps("share", TABLES)
    list(target.connect(TABLES))
    asked = ("SELECT", "SHOW")
    said = {sql for sql in account.said if not sql.startswith(asked)}
    assert sorted(said) == sorted(sql.rstrip(";") for sql in statements(steps, Who.PROGRAM))
    text = "\n".join(step.text for step in steps)
    assert "a-long-secret" not in text
    assert f"PASSWORD = '${{{VARIABLE}}}'" in text
    assert [step.who for step in steps if step.title.startswith(("as ", "tell "))][-2:] == [Who.COMPANY, Who.OPTIMOVE]


def test_without_accounts_a_step_asks_for_them(account: Recorder) -> None:
    steps = settings_of(account, consumers=[]).steps("share", TABLES)
    (asked,) = [step for step in steps if step.who is Who.COMPANY and "consumers" in step.text]
    assert asked.text == "targets.share.consumers: [{account: <organisation>.<account>, region: <region>}]"


def test_a_parser_of_the_dialect_reads_what_is_said_of_objects_and_rows(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    list(target.connect(TABLES))
    target.load(rows(CUSTOMERS, "2026-11-20", [customer(1, "one")], forgotten=["2"]))
    of_shares = ("CREATE SHARE", "GRANT", "ALTER SHARE", "SHOW", "PUT", "BEGIN", "COMMIT", "USE")
    said = [sql for sql in account.said if not sql.startswith(of_shares)]
    parsed = [sqlglot.parse_one(sql, read="snowflake") for sql in said]
    assert not [each.sql() for each in parsed if isinstance(each, sqlglot.exp.Command)]
    assert len(said) > 10


def test_the_check_reads_each_view_as_the_consumer_of_the_recorder(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path, consumers=[{"account": "OPTI.PROD_EU", "locator": "XY12345"}])
    list(target.connect(TABLES))
    target.load(rows(CUSTOMERS, "2026-11-20", [customer(1, "one"), customer(2, "two", 9)]))
    checked = target.check(TABLES)
    assert all(step.passed for step in checked), checked[-1]
    assert [step.step for step in checked] == [
        "log in",
        "grants of the share",
        "secure views",
        "accounts OPTI.PROD_EU",
        "as the consumer OPTI.PROD_EU",
        "read CUSTOMERS (2 rows, newest change 2026-11-20 09:08:09.123456)",
        "read PROMO_CODES (0 rows)",
    ]
    assert account.shares.simulated[-1] == "XY12345"


def failed(target: SnowflakeTarget) -> tuple[str, str]:
    """Return the step of the check that failed, and what is to be done."""
    last = target.check(TABLES)[-1]
    assert not last.passed
    return last.step, last.fix


def test_the_check_finds_what_the_recorder_lacks(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    again = "run optimove-pipeline connect share --apply"
    assert failed(target) == (
        "grants of the share",
        f"there is no share {target.names.share}, or not for this role: {again}",
    )
    list(target.connect([CUSTOMERS]))
    view = target.names.shown("promo_codes")
    assert failed(target) == (
        "grants of the share",
        f"the share {target.names.share} lacks SELECT on {view}: {again}",
    )
    list(target.connect(TABLES))
    account.shares.views[view] = False
    assert failed(target) == ("secure views", f"{view}: no secure view; drop what is there, and {again}")
    account.shares.views[view] = True
    share_at(account, target).accounts[:] = ["OTHER.ONE"]
    step, fix = failed(target)
    assert step == "accounts"
    assert fix.startswith(f"the share {target.names.share} is for OTHER.ONE, not for OPTI.PROD_EU: {again}")


def test_the_check_tells_a_region_that_is_not_the_accounts_own(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path, own_region="GCP_EUROPE_WEST4", consumers=[])
    step, fix = failed(target)
    assert step == "log in"
    assert fix.startswith("targets.share.own_region is GCP_EUROPE_WEST4, but the account is in PUBLIC.AWS_EU_WEST_1")


def test_the_recorder_refuses_what_is_out_of_order(account: Recorder, tmp_path: Path) -> None:
    target = target_of(account, tmp_path)
    list(target.connect([CUSTOMERS]))
    ordered = sharing.share_of(target.names, [CUSTOMERS])
    account.shares.shares.clear()
    with target.session() as session:
        session.run(ordered[0], "make")
        for sql in reversed(ordered[1:]):
            if sql != ordered[1]:
                with pytest.raises(TargetError, match="Share lacks USAGE on FEEDS, which comes before"):
                    session.run(sql, "grant")
        with pytest.raises(TargetError, match="no account can be added"):
            session.run(sharing.add_accounts(target.names, target.settings, target.settings.consumers), "add")
