"""``quarantine``: rows that broke a rule are listed, without what is personal, and sent again once corrected."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from optimove_pipeline.commands.quarantine import Broken, BrokenRow, Wish, as_lines, broken_of
from optimove_pipeline.config import Settings, parse_settings
from optimove_pipeline.ledger import Entry, Ledger, ledger_file
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.stages.quarantine import schema_of
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.commands.company import DAY, Company, rows_of
from optimove_pipeline_tests.datasets.test_masking import CASINO
from optimove_pipeline_tests.end_to_end.place import run

NAMES = ("customers", "transactions")
REPORT = "customers_by_action"
HOUR = datetime(2025, 6, 19, 14)  # noqa: DTZ001 - a partition has no zone
ROWS = [
    ("email:Email", "Email", "ada(at)mail.org", {"Player_ID": "P1"}),
    ("allowed:Gender, email:Email", "Gender", "X", {"Player_ID": "P2"}),
    ("type:Balance", "Balance", "ada@mail.org", {"Player_ID": "P3"}),
]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    datasets = {"preset": "casino", "select": [*NAMES], "each": {"transactions": {"cadence": "hourly"}}}
    return parse_settings({"datasets": datasets}, source="test", data_dir=tmp_path)


def quarantined(settings: Settings, feed: str, day: date, *rows: tuple[str, str, str | None, dict[str, str]]) -> None:
    of = CASINO.get(feed) or BY_NAME[feed]
    made = [
        (of.stamp_of(day), rule, column, value, json.dumps({column: value, **row}))
        for rule, column, value, row in rows
    ]
    by_rule = {name: 1 for rule, *_ in rows for name in rule.split(", ")}
    with Staging(settings.data_dir / "staging").writing("quarantine", feed, day) as writer:
        writer.write(pl.DataFrame(made, schema_of(of), orient="row"))
        writer.metadata |= {"rows_in": 10, "by_rule": by_rule}


def deliveries(company: Company, feed: str, target: str) -> list[Entry]:
    return Ledger(ledger_file(company.place.data)).newest(target, feed, DAY)


def test_rows_are_counted_by_rule_and_shown_without_what_is_personal(settings: Settings) -> None:
    quarantined(settings, "customers", DAY, *ROWS)
    hidden = {"Player_ID": "(personal)"}
    assert broken_of(settings, Wish()) == [
        Broken(
            "customers",
            "2025-06-19",
            rows_in=10,
            quarantined=3,
            held_back=True,
            by_rule={"email:Email": 1, "allowed:Gender": 1, "type:Balance": 1},
            rows=(
                BrokenRow("email:Email", "Email", "(personal)", hidden),
                BrokenRow("allowed:Gender, email:Email", "Gender", "X", hidden),
                BrokenRow("type:Balance", "Balance", "(personal)", hidden),
            ),
        )
    ]


def test_personal_values_are_shown_when_a_person_asks_for_them(settings: Settings) -> None:
    quarantined(settings, "customers", DAY, *ROWS)
    (found,) = broken_of(settings, Wish(show_values=True))
    assert [(row.value, row.key["Player_ID"]) for row in found.rows] == [
        ("ada(at)mail.org", "P1"),
        ("X", "P2"),
        ("ada@mail.org", "P3"),
    ]


def test_an_address_in_a_key_and_the_personal_rule_are_hidden_too(settings: Settings) -> None:
    rule = ("personal:Brand", "Brand", "+44 7947 359768", {"Transaction_ID": "ada@mail.org"})
    quarantined(settings, "transactions", HOUR, rule)
    (found,) = broken_of(settings, Wish("transactions"))
    assert found.rows == (BrokenRow("personal:Brand", "Brand", "(personal)", {"Transaction_ID": "(personal)"}),)


@pytest.mark.parametrize(
    ("rule", "limit", "count"),
    [("email", 20, 2), ("email:Email", 20, 2), ("email", 1, 1), ("type", 20, 1), ("no", 9, 0)],
)
def test_rows_of_one_rule_or_family_are_shown_up_to_the_limit(
    rule: str, limit: int, count: int, settings: Settings
) -> None:
    quarantined(settings, "customers", DAY, *ROWS)
    (found,) = broken_of(settings, Wish(rule=rule, limit=limit))
    assert len(found.rows) == count
    assert found.quarantined == 3


def test_of_each_feed_the_newest_partition_is_shown_or_those_of_a_day(settings: Settings) -> None:
    for day in (date(2025, 6, 18), DAY):
        quarantined(settings, "customers", day, ROWS[0])
    for hour in (HOUR, HOUR.replace(hour=15)):
        quarantined(settings, "transactions", hour, ("required:Status", "Status", None, {"Transaction_ID": "7"}))

    def shown(key: str | None) -> list[tuple[str, str]]:
        return [(each.feed, each.partition) for each in broken_of(settings, Wish(key=key))]

    assert shown(None) == [("customers", "2025-06-19"), ("transactions", "2025-06-19T15")]
    assert shown("2025-06-18") == [("customers", "2025-06-18")]
    assert shown("2025-06-19")[1:] == [("transactions", "2025-06-19T14"), ("transactions", "2025-06-19T15")]
    assert shown("2025-06-19T14") == [("transactions", "2025-06-19T14")]


def test_reports_are_listed_alike_and_what_no_contract_knows_is_hidden(settings: Settings) -> None:
    rows = (
        ("required:action_id", "action_id", None, {"customer_id": "C1"}),
        ("type:new", "new", "x", {"customer_id": "C2"}),
    )
    quarantined(settings, REPORT, DAY, *rows)
    (found,) = broken_of(settings, Wish(REPORT))
    assert [row.value for row in found.rows] == ["blank", "(personal)"]
    assert {row.key["customer_id"] for row in found.rows} == {"(personal)"}


def test_lines_for_a_person_say_what_to_do_for_the_values(settings: Settings) -> None:
    quarantined(settings, "customers", DAY, ROWS[0])
    wish = Wish()
    assert [*as_lines(broken_of(settings, wish), wish)] == [
        "customers of 2025-06-19: 1 of 10 rows in quarantine; held back",
        "  1 email:Email",
        "    email:Email: Email = (personal)  (Player_ID (personal))",
        "--show-values shows what is personal.",
    ]
    assert [*as_lines([], wish)] == ["no broken rows"]


def test_the_rows_of_a_delivered_day_come_without_the_warehouse(delivered: Company) -> None:
    with duckdb.connect(str(delivered.place.data / "warehouse.duckdb")):
        ended = delivered.run("quarantine", "--json", "--limit", "2")
    assert ended.exit_code == 0
    told = json.loads(ended.stdout)
    assert {each["feed"] for each in told} >= {"customers"}
    for each in told:
        assert not each["held_back"]
        assert len(each["rows"]) <= 2
        assert 0 < each["quarantined"] <= sum(each["by_rule"].values())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("custmers",), "custmers: no such data set or report; did you mean customers?"),
        (("customers", "--day", "yesterday"), "yesterday: expected a day such as 2026-11-20"),
        (("--resend",), "--resend: name the feed that is to be sent again"),
        (("promo_codes", "--resend"), "promo_codes of any day was never validated: deliver it first"),
    ],
)
def test_what_is_not_there_is_refused(arguments: tuple[str, ...], told: str, delivered: Company) -> None:
    ended = delivered.run("quarantine", *arguments)
    assert ended.exit_code == 2
    assert told in " ".join(ended.output.split())


def test_a_day_is_sent_again_under_new_names_only_when_its_rows_were_corrected(company: Company) -> None:
    source = company.place.root / "company.duckdb"
    shutil.copy(company.places.company, source)
    company.change(lambda document: document["sources"]["company"].update(path=str(source)))
    day = ("--day", f"{DAY}", "--resend")

    same = run(company.place, "quarantine", "customers", *day)
    assert same.code == 0, same.told
    assert "its files are those delivered before, so nothing was sent" in same.out
    (first,) = deliveries(company, "customers", "sandbox")
    assert first.version == 1

    (broken,) = broken_of(company.settings(), Wish("customers", f"{DAY}"))
    with duckdb.connect(str(source)) as connection:
        connection.execute("UPDATE crm.player_changes SET sex = NULL, email = NULL, email_ok = false")
    corrected = run(company.place, "quarantine", "customers", *day)
    assert corrected.code == 0, corrected.told
    assert "sent under new names (corrected rows); tell the receiver which to ignore" in corrected.out
    (second,) = deliveries(company, "customers", "sandbox")
    assert (second.version, second.reason) == (2, "corrected rows")
    assert second.rows > first.rows
    (left,) = broken_of(company.settings(), Wish("customers", f"{DAY}"))
    assert left.quarantined < broken.quarantined
    assert len(rows_of(company.places.inbox / second.name)) == second.rows


def test_a_report_is_asked_for_again_and_sent_where_it_never_was(company: Company) -> None:
    company.change(lambda document: document["delivery"].update(each={"promo_codes": ["outbox"]}))
    quarantined(company.settings(), "promo_codes", DAY, ("required:promo_code", "promo_code", None, {}))
    made = run(company.place, "quarantine", "promo_codes", "--resend")
    assert made.code == 0, made.told
    assert made.out == "promo_codes of 2025-06-19: made again, 0 rows in quarantine; sent for the first time\n"
    (entry,) = deliveries(company, "promo_codes", "outbox")
    assert (entry.version, entry.reason) == (1, None)
