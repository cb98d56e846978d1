"""Contracts and presets: what they hold, how settings change them, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from optimove_pipeline.config import load_settings
from optimove_pipeline.datasets.catalogue import datasets_of
from optimove_pipeline.datasets.dataset import Content, Dataset, Load, ParameterType
from optimove_pipeline.datasets.rules.severities import severities_of
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.feeds import Kind
from optimove_pipeline.settings.datasets import Datasets, Preset
from optimove_pipeline.settings.packages import Packages

PRESETS = get_args(Preset)
TABLES = {
    "casino": {"Customers", "Transactions", "Games", "Game_Types_and_Categories", "Events"},
    "sport": {"Customers", "Bets", "Bets_Details", "Transactions", "Events"},
    "sport_casino": {
        "Customers",
        "Bets",
        "Bets_Details",
        "Transactions",
        "Games",
        "Game_Types_and_Categories",
        "Events",
    },
    "ecommerce": {"Customers", "Orders", "Orders_Items", "Items_Catalog", "Events"},
}
POINTS: dict[str, Any] = {
    "title": "Points of customers",
    "table": "Points",
    "content": "facts",
    "key": ["Point_ID"],
    "customer_column": "Player_ID",
    "columns": {
        "Point_ID": {"kind": "text", "required": True},
        "Player_ID": {"kind": "text", "required": True, "reference": "customers"},
        "LastUpdated": {"kind": "time", "required": True, "clock": True},
    },
}


def chosen(**settings: Any) -> dict[str, Dataset]:
    found = datasets_of(Datasets.model_validate({"preset": "casino"} | settings), Path())
    return {dataset.name: dataset for dataset in found}


def refusal(base: Path, **settings: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        datasets_of(Datasets.model_validate({"preset": "casino"} | settings), base)
    return str(caught.value)


def written(folder: Path, contracts: object) -> list[str]:
    """Write a file of contracts and return the setting that names it."""
    (folder / "own.yaml").write_text(yaml.safe_dump(contracts, sort_keys=False), encoding="utf-8")
    return ["own.yaml"]


def extended(folder: Path, contracts: object) -> dict[str, Dataset]:
    found = datasets_of(
        Datasets.model_validate({"preset": "casino", "contracts": written(folder, contracts)}), folder
    )
    return {dataset.name: dataset for dataset in found}


def test_no_data_sets_are_sent_by_default() -> None:
    assert datasets_of(Datasets(), Path()) == ()


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_has_the_tables_of_its_vertical(preset: Preset) -> None:
    assert {dataset.table for dataset in chosen(preset=preset).values()} == TABLES[preset]


@pytest.mark.parametrize("preset", PRESETS)
def test_every_column_of_a_preset_is_described_and_every_data_set_titled(preset: Preset) -> None:
    for dataset in chosen(preset=preset).values():
        assert dataset.title
        assert all(column.description for column in dataset.columns), dataset.name
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z_]*", column.name) for column in dataset.columns)


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_preset_refers_to_is_in_it_and_of_the_same_kind(preset: Preset) -> None:
    every = chosen(preset=preset)
    for dataset in every.values():
        for column in dataset.columns:
            if column.reference:
                name, _, target = column.reference.partition(".")
                found = every[name].column(target)
                assert found is not None
                assert found.kind is column.kind
    assert every["events"].columns[3].reference == f"customers.{every['customers'].key[0]}"


@pytest.mark.parametrize("preset", PRESETS)
def test_personal_data_is_in_the_profile_alone(preset: Preset) -> None:
    for dataset in chosen(preset=preset).values():
        personal = {column.name for column in dataset.columns if column.personal}
        if dataset.content is Content.PROFILE:
            assert personal >= {"Email", "Mobile_Number", "Date_Of_Birth", "First_Name", "Last_Name", "Address"}
        else:
            assert personal <= {dataset.customer_column}


def test_consents_of_customers_are_marked_as_such() -> None:
    consents = {column.name for column in chosen()["customers"].columns if column.consent}
    assert consents == {"Is_OptIn", "Allow_Email", "Allow_SMS", "Allow_Push"}


def test_catalogs_are_snapshots_and_events_are_json() -> None:
    every = chosen()
    assert every["game_types_and_categories"].load is Load.SNAPSHOT
    assert (every["events"].format, every["events"].one_of) == ("ndjson", ("customer", "visitor"))
    forms = {column.name: column.form for column in every["events"].columns if column.form}
    assert forms == {"timestamp": "%Y-%m-%d %H:%M:%S%.6f UTC", "context": "json"}
    deposit = {event.name: dict(event.parameters) for event in every["events"].events}["ootb_deposit"]
    assert (deposit["amount"], deposit["deposit_timestamp"]) == (ParameterType.NUMBER, ParameterType.TIME)


def test_the_forms_of_contracts_are_those_that_packages_take() -> None:
    for dataset in chosen().values():
        fields = {column.name: column.form for column in dataset.columns if column.form}
        packages = Packages.model_validate({"each": {dataset.name: {"fields": fields}}})
        assert packages.of(dataset.name).fields == fields


def test_settings_select_data_sets_and_leave_out_columns_and_change_the_load() -> None:
    every = chosen(select=["customers"], each={"customers": {"omit": ["Alias", "City"], "load": "snapshot"}})
    assert list(every) == ["customers"]
    assert {"Alias", "City"}.isdisjoint(column.name for column in every["customers"].columns)
    assert every["customers"].load is Load.SNAPSHOT


def test_a_file_adds_a_data_set(tmp_path: Path) -> None:
    points = extended(tmp_path, {"points": POINTS})["points"]
    assert (points.table, points.table_name, points.key) == ("Points", "datasets.points", ("Point_ID",))
    assert [column.reference for column in points.columns] == [None, "customers.Player_ID", None]
    assert "unique" in severities_of(points, {})


def test_a_file_extends_and_renames_what_a_preset_has(tmp_path: Path) -> None:
    own = {
        "customers": {
            "extends": True,
            "rename": {"Player_ID": "Member_ID", "LastUpdated": "Last_Updated", "Mobile_Number": "Phone"},
            "columns": {"VIP_Level": {"kind": "integer", "minimum": 0}, "Email": {"length": 100}},
            "rules": {"pattern:Phone": "reject"},
        },
        "events": {"extends": True, "events": {"my_event": {"colour": "text"}}},
    }
    every = extended(tmp_path, own)
    customers = every["customers"]
    names = [column.name for column in customers.columns]
    assert (names[0], names[-2:]) == ("Member_ID", ["Last_Updated", "VIP_Level"])
    assert (customers.key, customers.customer_column) == (("Member_ID",), "Member_ID")
    assert customers.change_column == "Last_Updated"
    assert {column.name: column.contact for column in customers.columns}["Allow_SMS"] == "Phone"
    email = next(column for column in customers.columns if column.name == "Email")
    assert (email.length, email.personal) == (100, True)
    assert severities_of(customers, {})["pattern:Phone"] == "reject"
    assert {column.reference for column in every["transactions"].columns} == {None, "customers.Member_ID"}
    assert {"my_event", "ootb_login"} <= {event.name for event in every["events"].events}


def test_a_reference_can_be_taken_away_where_its_data_set_is_not_sent(tmp_path: Path) -> None:
    own = written(tmp_path, {"transactions": {"extends": True, "columns": {"Player_ID": {"reference": None}}}})
    settings = Datasets.model_validate({"preset": "casino", "contracts": own, "select": ["transactions"]})
    (transactions,) = datasets_of(settings, tmp_path)
    assert transactions.columns[1].reference is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"select": ["customer"]}, "datasets.select.0: there is no data set customer; did you mean customers?"),
        ({"each": {"orders": {}}}, "datasets.each.orders: there is no data set orders; there are customers, "),
        (
            {"each": {"customers": {"columns": {"E_Mail": "mail"}}}},
            "datasets.each.customers.columns.E_Mail: customers has no such column; did you mean Email?",
        ),
        (
            {"each": {"customers": {"omit": ["Aliass"]}}},
            "datasets.each.customers.omit.Aliass: customers has no such column; did you mean Alias?",
        ),
        (
            {"each": {"customers": {"omit": ["LastUpdated"]}}},
            "datasets.each.customers.omit: LastUpdated is needed in customers; only optional columns can be left out",
        ),
        (
            {"each": {"customers": {"omit": ["Mobile_Number"]}}},
            "datasets.each.customers.omit: Mobile_Number is needed",
        ),
        (
            {"each": {"game_types_and_categories": {"load": "changes"}}},
            "datasets.each.game_types_and_categories.load: game_types_and_categories has no column with the moment",
        ),
        (
            {"select": ["transactions"]},
            "datasets: transactions.Player_ID refers to customers, which is not among the data sets that are sent",
        ),
        ({"rules": {"lenght": "warn"}}, "datasets.rules.lenght: there is no such rule; did you mean length?"),
        (
            {"rules": {"length:E_mail": "warn"}},
            "datasets.rules.length:E_mail: there is no such rule; did you mean length:Email?",
        ),
        (
            {"each": {"games": {"rules": {"birth": "warn"}}}},
            "datasets.each.games.rules.birth: there is no such rule; there are, alone or with a column, currency, ",
        ),
        (
            {"rules": {"decimal": "warn"}},
            "datasets.rules.decimal: warn makes no sense for this rule; expected 'repair' or 'reject' or 'block'",
        ),
        (
            {"each": {"customers": {"columns": {"Is_OptIn": {"constant": "Yes"}}}}},
            "datasets.each.customers.columns.Is_OptIn.constant: a customer's consent is never filled in; leave it",
        ),
        (
            {"each": {"customers": {"columns": {"Allow_SMS": {"column": "sms", "values": {"": "Yes"}}}}}},
            "datasets.each.customers.columns.Allow_SMS.values: a customer's consent is never filled in; leave it",
        ),
        ({"contracts": ["none.yaml"]}, "datasets.contracts: none.yaml is not there"),
    ],
)
def test_a_wrong_setting_is_refused_by_name_with_what_is_near(settings: dict[str, Any], expected: str) -> None:
    assert refusal(Path(), **settings).startswith(expected)


def test_a_consent_that_is_filled_in_can_be_signed_off() -> None:
    own = {"columns": {"Is_OptIn": {"constant": "Yes"}}, "rules": {"consent:Is_OptIn": "warn"}}
    assert "customers" in chosen(each={"customers": own})


def points(**changed: Any) -> dict[str, Any]:
    return {"points": POINTS | changed}


def column(**properties: Any) -> dict[str, Any]:
    return points(columns=POINTS["columns"] | {"Level": {"kind": "text"} | properties})


@pytest.mark.parametrize(
    ("contracts", "expected"),
    [
        ([], "own.yaml: expected contracts by the names of their data sets"),
        ({"My Points": POINTS}, "own.yaml: My Points: expected small letters, digits and _, a letter first"),
        (points(colums={}), "own.yaml: points: colums: no such setting; did you mean columns?"),
        (points(content="fact"), "own.yaml: points: content: expected 'profile', 'facts', 'catalog' or 'events'"),
        (points(key=[]), "own.yaml: points: key: expected at least 1 item"),
        (points(key=["ID"]), "own.yaml: points: key: there is no column ID in this contract"),
        (points(change_column="Changed"), "own.yaml: points: change_column: there is no column Changed"),
        (points(customer_column="Customer"), "own.yaml: points: customer_column: there is no column Customer"),
        (points(rules={"length:Name": "warn"}), "the contract of points: rules.length:Name: there is no such rule"),
        (points(rules={"trim": "drop"}), "own.yaml: points: rules.trim: expected 'repair', 'reject', 'block' or"),
        (points(events={"login": {"when": "time"}}), "own.yaml: points: events: there is no column event"),
        (column(kind="money"), "own.yaml: points: columns.Level.kind: expected 'text', 'integer',"),
        (column(lenght=5), "own.yaml: points: columns.Level.lenght: no such setting; did you mean length?"),
        (column(pattern="("), "own.yaml: points: columns.Level.pattern: expected a regular expression"),
        (column(pattern="(?=a)"), "own.yaml: points: columns.Level.pattern: expected a regular expression"),
        (column(form="%q"), "own.yaml: points: columns.Level.form: expected a pattern such as"),
        (column(clock=True), "own.yaml: points: columns.Level.clock: Level is of kind text; expected date or time"),
        (column(consent=True), "own.yaml: points: columns.Level.consent: Level is of kind text; expected flag"),
        (column(minimum=0), "own.yaml: points: columns.Level.minimum: Level is of kind text; expected decimal or"),
        (column(contact="Mail"), "own.yaml: points: columns.Level.contact: there is no column Mail"),
        (column(reference="players"), "datasets: points.Level refers to players, which is not among the data sets"),
        (
            column(reference="customers.ID"),
            "datasets: points.Level refers to customers.ID: customers has no column ID",
        ),
        (
            column(reference="customers.Is_Test"),
            "datasets: points.Level refers to customers.Is_Test, which is of kind flag; expected text, as it is here",
        ),
        (column(reference="games"), "datasets: points.Level refers to games, whose key has several columns"),
        (
            points(columns=POINTS["columns"] | {"point_id": {"kind": "text"}}),
            "own.yaml: points: columns: Point_ID and point_id differ in the case of letters alone; keep one",
        ),
        (
            points(columns=POINTS["columns"] | {"Punkte (alle)": {"kind": "text"}}),
            "own.yaml: points: columns.Punkte (alle): 'Punkte (alle)' is no name of a column",
        ),
        (
            {"points": {"extends": True}},
            "own.yaml: points: extends: there is no data set points before it; there are",
        ),
        ({"customers": {"extends": False}}, "own.yaml: customers: extends: expected true"),
        (
            {"customers": {"extends": True, "rename": {"Id": "ID"}}},
            "own.yaml: customers: rename.Id: expected columns of customers, old name: new name; there are Player_ID,",
        ),
    ],
)
def test_a_wrong_contract_is_refused_by_file_and_place(tmp_path: Path, contracts: object, expected: str) -> None:
    message = refusal(tmp_path, contracts=written(tmp_path, contracts)).replace(f"{tmp_path}/", "")
    assert message.startswith(expected)


def test_a_column_that_is_given_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("points:\n  columns:\n    A: {kind: text}\n    A: {kind: text}\n")
    assert refusal(tmp_path, contracts=["own.yaml"]).endswith("line 4, column 5: a key is given twice")


def test_contracts_lie_beside_the_settings_and_are_checked_as_these_load(tmp_path: Path) -> None:
    written(tmp_path, {"points": POINTS | {"key": ["ID"]}})
    file = tmp_path / "optimove.yaml"
    file.write_text("datasets: {preset: casino, contracts: [own.yaml]}\n")
    with pytest.raises(SettingsError) as caught:
        load_settings({"OPTIMOVE_CONFIG": str(file)})
    place = f"{file}: {tmp_path / 'own.yaml'}: points: key"
    assert str(caught.value) == f"{place}: there is no column ID in this contract"


def test_every_kind_can_be_in_a_contract(tmp_path: Path) -> None:
    columns = {f"A_{kind}": {"kind": str(kind)} for kind in Kind}
    every = extended(tmp_path, points(columns=POINTS["columns"] | columns))
    assert {column.kind for column in every["points"].columns} == set(Kind)
