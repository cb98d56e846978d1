"""Contracts as files: YAML, checked into the records that the stages work with.

A file holds data sets by name. One that says ``extends: true`` adds to the data set of the same name that was there
before: columns, events and rules are joined, a column's own properties too, all else is replaced. ``rename`` gives
its columns other names (old name: new name), wherever the contract speaks of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import polars as pl
from pydantic import AfterValidator, Field, ValidationError

from optimove_pipeline.datasets.dataset import Content, ContractColumn, Dataset, Event, Load, ParameterType, Severity
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.feeds import Kind
from optimove_pipeline.settings.packages import FieldForm, Format, TableName
from optimove_pipeline.settings.problems import describe
from optimove_pipeline.settings.types import Count, Flag, Section, Text, not_empty
from optimove_pipeline.settings.yaml_file import read_yaml

FEED_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COLUMN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_JOINED = ("columns", "events", "rules")


def _column_name(name: str) -> str:
    if not _COLUMN_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a column: expected English letters, digits and _, a letter first")
    return name


def _pattern(text: str) -> str:
    try:
        # The engine that rules use, which is not Python's.
        pl.Series([""]).str.contains(text)
    except pl.exceptions.ComputeError:
        raise ValueError("expected a regular expression") from None
    return text


ColumnName = Annotated[str, AfterValidator(_column_name)]
Pattern = Annotated[Text, AfterValidator(_pattern)]


class ColumnContract(Section):
    """One column, as ``ContractColumn`` tells; ``reference`` names a data set, for its key, or a column of one."""

    kind: Kind
    required: Flag = False
    length: Count | None = None
    minimum: Annotated[int, Field(strict=True)] | None = None
    maximum: Annotated[int, Field(strict=True)] | None = None
    allowed: tuple[Text, ...] = ()
    pattern: Pattern | None = None
    reference: Text | None = None
    email: Flag = False
    consent: Flag = False
    contact: ColumnName | None = None
    currency: Flag = False
    clock: Flag = False
    not_before: ColumnName | None = None
    birth: Flag = False
    adult: Count | None = None
    personal: Flag = False
    form: FieldForm | None = None
    description: str = ""


class Contract(Section):
    """A data set, as ``Dataset`` tells."""

    title: Text
    table: TableName
    content: Content
    key: Annotated[tuple[ColumnName, ...], AfterValidator(not_empty)]
    columns: Annotated[dict[ColumnName, ColumnContract], AfterValidator(not_empty)]
    load: Load = Load.CHANGES
    change_column: ColumnName | None = "LastUpdated"
    customer_column: ColumnName | None = None
    format: Format | None = None
    one_of: tuple[ColumnName, ...] = ()
    events: dict[Text, dict[Text, ParameterType]] = Field({})
    rules: dict[str, Severity] = Field({})


def read_contracts(path: Path, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contracts of a file, unchecked, by data set; those that extend are joined with ``before``.

    Raises:
        SettingsError: the file is not there, no YAML, names a data set wrongly, or extends one that is not there.
    """
    if not path.is_file():
        raise SettingsError(f"datasets.contracts: {path} is not there: expected a YAML file with contracts")
    document = read_yaml(path)
    if not isinstance(document, dict):
        raise SettingsError(f"{path}: expected contracts by the names of their data sets, such as `customers:`")
    for name in document:
        if not isinstance(name, str) or not FEED_NAME.fullmatch(name):
            raise SettingsError(f"{path}: {name}: expected small letters, digits and _, a letter first, as a name")
    return {name: _whole(path, name, content, before) for name, content in document.items()}


def _whole(path: Path, name: str, content: Any, before: Mapping[str, Any]) -> Any:
    if not isinstance(content, dict) or "extends" not in content:
        return content
    own = dict(content)
    if own.pop("extends") is not True:
        raise SettingsError(f"{path}: {name}: extends: expected true, or nothing where the contract stands alone")
    if name not in before:
        raise SettingsError(
            f"{path}: {name}: extends: there is no data set {name} before it; there are "
            f"{', '.join(before) or 'none: choose a datasets.preset'}"
        )
    names = own.pop("rename", {})
    return _joined(_renamed(path, name, before[name], names), own)


def _joined(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    joined = base | own
    for section in _JOINED:
        if isinstance(own.get(section), dict):
            joined[section] = _merged(base.get(section, {}), own[section])
    return joined


def _merged(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    both = {name: base[name] | own[name] for name in own if _are_mappings(base.get(name), own[name])}
    return base | own | both


def _are_mappings(*values: Any) -> bool:
    return all(isinstance(value, dict) for value in values)


def _renamed(path: Path, name: str, base: dict[str, Any], names: Any) -> dict[str, Any]:
    """Return a contract with other names for its columns."""
    if not isinstance(names, dict) or (unknown := [old for old in names if old not in base["columns"]]):
        wrong = "" if not isinstance(names, dict) else f".{unknown[0]}"
        raise SettingsError(
            f"{path}: {name}: rename{wrong}: expected columns of {name}, old name: new name; there are "
            f"{', '.join(base['columns'])}"
        )

    def new(value: Any) -> Any:
        return [new(each) for each in value] if isinstance(value, list) else names.get(value, value)

    told = {field: new(base[field]) for field in ("key", "customer_column", "one_of") if field in base}
    columns = {
        new(column): {
            field: new(value) if field in {"contact", "not_before"} else value for field, value in properties.items()
        }
        for column, properties in base["columns"].items()
    }
    rules = {":".join(map(new, rule.split(":"))): severity for rule, severity in base.get("rules", {}).items()}
    change = new(base.get("change_column", "LastUpdated"))
    return base | told | {"columns": columns, "rules": rules, "change_column": change}


def dataset_of(name: str, content: Any, source: Path) -> Dataset:
    """Return the data set that a contract describes; ``source`` is for messages.

    Raises:
        SettingsError: the contract is wrong; one line for each mistake.
    """
    try:
        contract = Contract.model_validate(content)
    except ValidationError as error:
        lines = [describe(f"{source}: {name}", details, Contract) for details in error.errors()]
        raise SettingsError("\n".join(lines)) from None
    _check(contract, f"{source}: {name}")
    return Dataset(
        name=name,
        columns=tuple(_column(column, told, contract) for column, told in contract.columns.items()),
        severities=tuple(contract.rules.items()),
        events=tuple(Event(key, tuple(parameters.items())) for key, parameters in contract.events.items()),
        **{
            field: getattr(contract, field)
            for field in Contract.model_fields
            if field not in {"columns", "rules", "events"}
        },
    )


def _column(name: str, told: ColumnContract, contract: Contract) -> ContractColumn:
    properties = {field: getattr(told, field) for field in ColumnContract.model_fields}
    personal = told.personal or name == contract.customer_column
    return ContractColumn(name=name, **properties | {"personal": personal})


def _check(contract: Contract, place: str) -> None:
    """Refuse a contract that speaks of columns that it does not have."""
    folded = [name.lower() for name in contract.columns]
    if twice := [name for name in contract.columns if folded.count(name.lower()) > 1]:
        raise SettingsError(f"{place}: columns: {' and '.join(twice)} differ in the case of letters alone; keep one")
    named = {
        "key": contract.key,
        "change_column": () if contract.change_column is None else (contract.change_column,),
        "customer_column": () if contract.customer_column is None else (contract.customer_column,),
        "one_of": contract.one_of,
        **{f"columns.{name}.contact": (column.contact,) for name, column in contract.columns.items()},
        **{f"columns.{name}.not_before": (column.not_before,) for name, column in contract.columns.items()},
        "events": ("event", "context") if contract.events else (),
    }
    for setting, columns in named.items():
        if unknown := [name for name in columns if name is not None and name not in contract.columns]:
            raise SettingsError(f"{place}: {setting}: there is no column {unknown[0]} in this contract")
    _check_kinds(contract, place)


def _check_kinds(contract: Contract, place: str) -> None:
    expected = {
        **{f"{name}.clock": (name, {Kind.DATE, Kind.TIME}) for name, told in contract.columns.items() if told.clock},
        **{f"{name}.consent": (name, {Kind.FLAG}) for name, told in contract.columns.items() if told.consent},
        **{f"{name}.birth": (name, {Kind.DATE}) for name, told in contract.columns.items() if told.birth},
        **{
            f"{name}.{bound}": (name, {Kind.INTEGER, Kind.NUMBER, Kind.DECIMAL})
            for name, told in contract.columns.items()
            for bound in ("minimum", "maximum")
            if getattr(told, bound) is not None
        },
        **{
            f"{name}.{text}": (name, {Kind.TEXT})
            for name, told in contract.columns.items()
            for text in ("length", "allowed", "pattern", "email", "currency")
            if getattr(told, text)
        },
    }
    if contract.change_column is not None:
        expected[contract.change_column] = (contract.change_column, {Kind.TIME})
    for setting, (name, kinds) in expected.items():
        if (kind := contract.columns[name].kind) not in kinds:
            raise SettingsError(
                f"{place}: columns.{setting}: {name} is of kind {kind}; expected {' or '.join(sorted(kinds))}"
            )
