"""The data sets of a tenant: those of a vertical, with the tenant's own contracts, as the settings choose them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from optimove_pipeline.datasets.contract_files import dataset_of, read_contracts
from optimove_pipeline.datasets.dataset import ContractColumn, Dataset, Load
from optimove_pipeline.datasets.rules.severities import check_rules
from optimove_pipeline.datasets.unfilled import check_consent
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.datasets import Datasets, DatasetSettings

CONTRACTS = Path(__file__).with_name("contracts")

_PRESETS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "casino": {
        "gaming.yaml": ("customers", "transactions", "games", "game_types_and_categories"),
        "events.yaml": ("events",),
    },
    "sport": {
        "gaming.yaml": ("customers", "bets", "bets_details", "transactions"),
        "events.yaml": ("events",),
    },
    "sport_casino": {
        "gaming.yaml": (
            "customers",
            "bets",
            "bets_details",
            "transactions",
            "games",
            "game_types_and_categories",
        ),
        "events.yaml": ("events",),
    },
    "ecommerce": {
        "retail.yaml": ("customers", "orders", "orders_items", "items_catalog"),
        "events.yaml": ("events",),
    },
}
"""Preset: file: its data sets (reference on delivery, section 2.0)."""


def datasets_of(settings: Datasets, base: Path) -> tuple[Dataset, ...]:
    """Return the data sets that are sent, as the settings choose and change them; none where none are chosen.

    Paths of contracts are relative to ``base``.

    Raises:
        SettingsError: a contract is wrong, or a setting names a data set, column or rule that is not there, or
            fills in a consent.
    """
    every = _every(settings, base)
    for place, name in [
        *((f"select.{number}", name) for number, name in enumerate(settings.select or ())),
        *((f"each.{name}", name) for name in settings.each),
    ]:
        if name not in every:
            raise SettingsError(f"datasets.{place}: there is no data set {name}{_hint(name, every)}")
    chosen = [every[name] for name in dict.fromkeys(settings.select or every)]
    changed = tuple(_changed(dataset, settings.of(dataset.name)) for dataset in chosen)
    linked = tuple(_linked(dataset, {each.name: each for each in changed}) for dataset in changed)
    check_rules(linked, settings)
    for dataset in linked:
        check_consent(dataset, settings.of(dataset.name))
    return linked


@cache
def _read_preset(file: str) -> Mapping[str, Any]:
    return read_contracts(CONTRACTS / file, {})


@cache
def _preset_dataset(file: str, name: str) -> Dataset:
    return dataset_of(name, _read_preset(file)[name], CONTRACTS / file)


def _every(settings: Datasets, base: Path) -> dict[str, Dataset]:
    preset = {name: file for file, names in _PRESETS.get(settings.preset or "", {}).items() for name in names}
    contents = {name: _read_preset(file)[name] for name, file in preset.items()}
    own: dict[str, Path] = {}
    for path in settings.contracts:
        read = read_contracts(base / path, contents)
        contents |= read
        own |= dict.fromkeys(read, base / path)
    return {
        name: dataset_of(name, content, own[name]) if name in own else _preset_dataset(preset[name], name)
        for name, content in contents.items()
    }


def _changed(dataset: Dataset, own: DatasetSettings) -> Dataset:
    """Return a data set without the columns that are not sent, and with the load that is set."""
    place = f"datasets.each.{dataset.name}"
    load = dataset.load if own.load is None else Load(own.load)
    if load is Load.CHANGES and dataset.change_column is None:
        raise SettingsError(
            f"{place}.load: {dataset.name} has no column with the moment of the last change; expected 'snapshot'"
        )
    for setting, names in (("columns", own.columns), ("omit", own.omit)):
        for name in names:
            _known_column(dataset, name, f"{place}.{setting}")
    for name in own.omit:
        _omissible(dataset, name, place)
    columns = tuple(column for column in dataset.columns if column.name not in own.omit)
    return replace(dataset, load=load, columns=columns)


def _known_column(dataset: Dataset, name: str, place: str) -> None:
    names = [column.name for column in dataset.columns]
    if name not in names:
        raise SettingsError(f"{place}.{name}: {dataset.name} has no such column{_hint(name, names)}")


def _omissible(dataset: Dataset, name: str, place: str) -> None:
    needed = {*dataset.key, dataset.change_column, dataset.customer_column, *dataset.one_of}
    needed |= {other for column in dataset.columns for other in (column.contact, column.not_before)}
    needed |= {"event", "context"} if dataset.events else set()
    column = dataset.column(name)
    if name in needed or (column is not None and column.required):
        raise SettingsError(
            f"{place}.omit: {name} is needed in {dataset.name}; only optional columns can be left out"
        )


def _linked(dataset: Dataset, chosen: Mapping[str, Dataset]) -> Dataset:
    """Return a data set whose references name the columns of other data sets."""
    return replace(dataset, columns=tuple(_pointing(dataset, column, chosen) for column in dataset.columns))


def _pointing(dataset: Dataset, column: ContractColumn, chosen: Mapping[str, Dataset]) -> ContractColumn:
    if column.reference is None:
        return column
    name, _, named = column.reference.partition(".")
    place = f"datasets: {dataset.name}.{column.name} refers to {column.reference}"
    if name not in chosen:
        raise SettingsError(
            f"{place}, which is not among the data sets that are sent: select it too, or set `reference: null` for "
            f"the column in a contract that extends {dataset.name}"
        )
    if not named and len(chosen[name].key) != 1:
        raise SettingsError(f"{place}, whose key has several columns: name one of them, such as {name}.column")
    target = named or chosen[name].key[0]
    found = chosen[name].column(target)
    if found is None:
        raise SettingsError(f"{place}: {name} has no column {target}")
    if found.kind is not column.kind:
        raise SettingsError(f"{place}, which is of kind {found.kind}; expected {column.kind}, as it is here")
    return replace(column, reference=f"{name}.{target}")


def _hint(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(names)}" if names else "; choose a datasets.preset or datasets.contracts"
