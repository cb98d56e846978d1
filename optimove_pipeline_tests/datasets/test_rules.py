"""Every rule has a row that keeps it and one that breaks it, and does what it says to that one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optimove_pipeline.datasets.dataset import Dataset, Severity
from optimove_pipeline.datasets.rules.families import FAMILIES
from optimove_pipeline.datasets.rules.severities import severities_of
from optimove_pipeline.datasets.rules.wholes import WHOLES
from optimove_pipeline.datasets.validation import DatasetValidation
from optimove_pipeline.errors import ContractError
from optimove_pipeline.settings.datasets import Constant, DatasetSettings
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.datasets.rows import DAY, dataset_named, held, row, validated


@dataclass(frozen=True, slots=True)
class Case:
    """A rule, a value of a column that keeps it, one that breaks it, and what that is repaired to."""

    rule: str
    dataset: str
    column: str
    keeps: Any
    breaks: Any
    fixed: Any = None
    beside: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def family(self) -> str:
        return self.rule if self.rule in {whole.name for whole in WHOLES} else self.rule.partition(":")[0]


SAID_YES = {"columns": {"Is_OptIn": Constant(constant="Yes")}, "rules": {"consent": "warn"}}
CASES = (
    Case("trim:First_Name", "customers", "First_Name", "Zoë M", " Zoë M\n", "Zoë M"),
    Case("placeholder:Last_Name", "customers", "Last_Name", "Null", "NULL"),
    Case("spelling:Gender", "customers", "Gender", "Male", "mALE", "Male"),
    Case("flag:Is_OptIn", "customers", "Is_OptIn", "Yes", "TRUE", fixed=True),
    Case("iso:Date_Of_Birth", "customers", "Date_Of_Birth", "1990-05-06", "1990-05-06T00:00:00Z", "1990-05-06"),
    Case("type:Transaction_Amount", "transactions", "Transaction_Amount", "-1234.5", "€ 1,234.50"),
    Case("decimal:Transaction_Amount", "transactions", "Transaction_Amount", "4.5679", "4.56789", "4.5679"),
    Case(
        "sentinel:Date_Of_Birth",
        "customers",
        "Date_Of_Birth",
        "1970-01-01",
        "1900-01-01",
        settings={"rules": {"birth": "warn"}},
    ),
    Case("personal:Brand", "transactions", "Brand", "Acme @home", "anna@example.com"),
    Case("required:Transaction_Type", "transactions", "Transaction_Type", "Bonus", None),
    Case("length:Email", "customers", "Email", f"{'é' * 244}@bc.de", f"{'é' * 245}@bc.de"),
    Case("allowed:Gender", "customers", "Gender", "Unknown", "M"),
    Case("pattern:Currency", "customers", "Currency", "EUR", "euro"),
    Case("email:Email", "customers", "Email", "a.b+c@d.example", "a@b@c"),
    Case("minimum:Real_Bet_Amount", "games", "Real_Bet_Amount", "0", "-0.0001"),
    Case("maximum:Number_Of_Bets", "games", "Number_Of_Bets", "1000", "1001"),
    Case("future:LastUpdated", "customers", "LastUpdated", "2026-11-20 06:00:00", "2026-11-20 06:00:01"),
    Case("order:Settled_Date", "bets", "Settled_Date", "2026-11-19 09:00:00", "2026-11-19 08:59:59"),
    Case("birth:Date_Of_Birth", "customers", "Date_Of_Birth", "1906-11-19", "1906-11-18"),
    Case("adult:Date_Of_Birth", "customers", "Date_Of_Birth", "2008-11-19", "2008-11-20"),
    Case("currency:Currency", "games", "Currency", "EUR", "USD", settings={"currency": "EUR"}),
    Case("consent:Is_OptIn", "customers", "Is_OptIn", None, "Yes", settings=SAID_YES),
    Case("contact:Allow_SMS", "customers", "Allow_SMS", "No", "Yes", beside={"Mobile_Number": None}),
    Case("reference:Player_ID", "transactions", "Player_ID", "C2", "c2"),
    Case("unique", "customers", "First_Name", "Zoë", "Zoe"),
    Case("one_of", "events", "visitor", "V1", None, beside={"customer": None}),
    Case("event", "events", "event", "ootb_login", "ootb_Login"),
    Case("object:context", "events", "context", "{}", "[1]"),
    Case("type:context", "events", "context", '{"amount": 5, "method": null}', '{"amount": "5"}'),
    Case("names:context", "events", "context", '{"amount": 5}', '{"Amount": 5}'),
    Case("parameters:context", "events", "context", '{"ootb_amount": 5}', '{"amount_due": 5}'),
)
BY_NAME = {family.name: family for family in (*FAMILIES, *WHOLES)}


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


def dataset_of(case: Case) -> Dataset:
    dataset = dataset_named(case.dataset)
    if case.family != "maximum":
        return dataset
    return replace(
        dataset,
        columns=tuple(
            replace(column, maximum=1000) if column.name == case.column else column for column in dataset.columns
        ),
    )


def judge(staging: Staging, case: Case, value: Any, rules: dict[str, str] | None = None) -> DatasetValidation:
    """Validate a row with a value, for uniqueness after one with the value that keeps."""
    rows = [row(case.dataset, **case.beside, **{case.column: value})]
    if case.rule == "unique":
        rows.insert(0, row(case.dataset, **{case.column: case.keeps}))
    rules = case.settings.get("rules", {}) | (rules or {})
    own = DatasetSettings(tolerated_share=1.0, **case.settings | {"rules": rules})
    return validated(staging, dataset_of(case), rows, own)


def told(found: DatasetValidation) -> dict[str, Counter[str]]:
    return {
        "repair": Counter(found.repaired),
        "reject": Counter({rule: count for rule, count in found.by_rule.items() if rule not in found.blocked_by}),
        "warn": Counter(found.warned),
    }


def test_every_rule_has_its_case() -> None:
    assert Counter(case.family for case in CASES) == Counter(BY_NAME.keys())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_a_row_that_keeps_a_rule_passes(staging: Staging, case: Case) -> None:
    found = judge(staging, case, case.keeps)
    assert case.rule not in {**found.by_rule, **found.repaired, **found.warned}
    assert found.rows == 1


CHOICES = [
    pytest.param(case, severity, id=f"{case.rule}-{severity}")
    for case in CASES
    for severity in BY_NAME[case.family].may
]


@pytest.mark.parametrize(("case", "severity"), CHOICES)
def test_a_rule_does_whatever_it_may_be_set_to(staging: Staging, case: Case, severity: Severity) -> None:
    dataset, chosen = dataset_of(case), {case.rule: str(severity)}
    if severity is Severity.BLOCK:
        with pytest.raises(ContractError, match=f"blocked by .*{case.rule}"):
            judge(staging, case, case.breaks, rules=chosen)
        assert staging.find("validated", dataset.name, DAY) is None
        assert held(staging, "quarantine", dataset).height == 1
        return
    found = told(judge(staging, case, case.breaks, rules=chosen))
    assert {severity: counts[case.rule] for severity, counts in found.items() if case.rule in counts} == {severity: 1}
    if Severity.REPAIR in BY_NAME[case.family].may and severity in {Severity.REPAIR, Severity.WARN}:
        expected = case.fixed if severity is Severity.REPAIR else case.breaks
        kept = pl.Series([expected], strict=False).cast(pl.String).to_list()
        assert held(staging, "validated", dataset)[case.column].cast(pl.String).to_list() == kept


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        ({}, Severity.REPAIR),
        ({"trim": "warn"}, Severity.WARN),
        ({"trim": "warn", "trim:Email": "reject"}, Severity.REJECT),
        ({"trim:Gender": "warn"}, Severity.REPAIR),
    ],
)
def test_a_rule_by_its_full_name_comes_before_its_family(severities: dict[str, str], expected: Severity) -> None:
    assert severities_of(dataset_named("customers"), severities)["trim:Email"] is expected


def test_settings_come_before_the_contract_and_the_contract_before_the_family() -> None:
    customers = dataset_named("customers")
    assert severities_of(customers, {})["pattern:Mobile_Number"] is Severity.WARN
    assert severities_of(customers, {})["pattern:Currency"] is Severity.REJECT
    assert severities_of(customers, {"pattern": "block"})["pattern:Mobile_Number"] is Severity.BLOCK


def test_a_sentinel_is_repaired_but_where_a_value_is_needed() -> None:
    severities = severities_of(dataset_named("customers"), {})
    assert severities["sentinel:Date_Of_Birth"] is Severity.REPAIR
    assert severities["sentinel:Registration_Date"] is Severity.REJECT


def test_a_column_of_personal_data_outside_the_profile_blocks() -> None:
    transactions = dataset_named("transactions")
    named = replace(
        transactions,
        columns=tuple(replace(each, personal=each.personal or each.name == "Brand") for each in transactions.columns),
    )
    assert severities_of(named, {})["personal:Brand"] is Severity.BLOCK
    assert "personal:Player_ID" not in severities_of(named, {})
    assert not any(name.startswith("personal") for name in severities_of(dataset_named("customers"), {}))


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("bets", "Bet_Date", "1970-01-01 00:00:00"),
        ("bets", "Bet_Date", "1900-01-01 12:00:00"),
        ("customers", "Registration_Date", "1970-01-01"),
        ("customers", "Registration_Date", "1753-01-01"),
    ],
)
def test_the_beginning_of_a_clock_stands_for_no_moment(staging: Staging, name: str, column: str, value: str) -> None:
    found = validated(staging, dataset_named(name), [row(name, **{column: value})])
    assert found.by_rule == {f"sentinel:{column}": 1}


def test_a_day_is_of_the_future_once_it_has_begun_nowhere(staging: Staging) -> None:
    days = ["2026-11-20", "2026-11-21"]
    rows = [row("customers", Player_ID=day, Registration_Date=day) for day in days]
    found = validated(staging, dataset_named("customers"), rows)
    assert (found.rows, found.by_rule) == (1, {"future:Registration_Date": 1})
