"""What rules do: their own default, the contract's, the settings'; and the names that settings may speak of."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from optimove_pipeline.datasets.dataset import Dataset, Severity
from optimove_pipeline.datasets.rules.families import FAMILIES, Family
from optimove_pipeline.datasets.rules.rule import Circumstances, DatasetRule
from optimove_pipeline.datasets.rules.wholes import UNIQUE, judging, wholes_of
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.datasets import Datasets


def rules_of(dataset: Dataset, chosen: Mapping[str, str], circumstances: Circumstances) -> tuple[DatasetRule, ...]:
    """Return the rules of a data set, row by row, with what each does; all but ``unique``.

    ``chosen`` are the severities of the settings, by rule or by family.
    """
    severities = severities_of(dataset, chosen)
    columns = [
        DatasetRule(
            name,
            (column.name,),
            family.broken(column, circumstances),
            severities[name],
            family.phase,
            family.fixed(column, circumstances) if family.fixed else None,
        )
        for family in FAMILIES
        for column in dataset.columns
        if (name := f"{family.name}:{column.name}") in severities and family.applies(column, dataset)
    ]
    wholes = [judging(dataset, whole, severities[whole.name]) for whole in wholes_of(dataset) if whole.name != UNIQUE]
    return (*columns, *wholes)


def severities_of(dataset: Dataset, chosen: Mapping[str, str]) -> dict[str, Severity]:
    """Return what each rule of a data set does, by the rule's name.

    The settings count before the contract, the contract before the family; in each a rule's full name before that
    of its family.
    """
    contract = dict(dataset.severities)
    usual = {
        f"{family.name}:{column.name}": _usual(family, dataset, column.name)
        for family in FAMILIES
        for column in dataset.columns
        if family.applies(column, dataset)
    } | {whole.name: whole.usual for whole in wholes_of(dataset)}
    return {name: _first(name, chosen) or _first(name, contract) or severity for name, severity in usual.items()}


def _usual(family: Family, dataset: Dataset, name: str) -> Severity:
    column = next(column for column in dataset.columns if column.name == name)
    return family.strict if family.strict and family.is_strict(column, dataset) else family.usual


def _first(name: str, severities: Mapping[str, str]) -> Severity | None:
    found = severities.get(name) or severities.get(name.partition(":")[0])
    return Severity(found) if found else None


def check_rules(datasets: tuple[Dataset, ...], settings: Datasets) -> None:
    """Refuse names of rules that no data set has, and severities that a rule can't have.

    Raises:
        SettingsError: it names the setting, what is expected and what is near.
    """
    of = {dataset.name: _may(dataset) for dataset in datasets}
    every = {name: severities for may in of.values() for name, severities in may.items()}
    for dataset in datasets:
        _check(dict(dataset.severities), of[dataset.name], f"the contract of {dataset.name}: rules")
    if datasets:
        _check(settings.rules, every, "datasets.rules")
    for name, own in settings.each.items():
        if name in of:
            _check(own.rules, of[name], f"datasets.each.{name}.rules")


def _may(dataset: Dataset) -> dict[str, tuple[Severity, ...]]:
    """Return what each rule and family of a data set may do."""
    present = [
        (family, column) for family in FAMILIES for column in dataset.columns if family.applies(column, dataset)
    ]
    may = {family.name: family.may for family, _ in present}
    may |= {f"{family.name}:{column.name}": family.may for family, column in present}
    return may | {whole.name: whole.may for whole in wholes_of(dataset)}


def _check(chosen: Mapping[str, str], may: Mapping[str, tuple[Severity, ...]], place: str) -> None:
    for name, severity in chosen.items():
        if name not in may:
            near = get_close_matches(name, may, n=1)
            families = ", ".join(sorted(each for each in may if ":" not in each))
            hint = f"did you mean {near[0]}?" if near else f"there are, alone or with a column, {families}"
            raise SettingsError(f"{place}.{name}: there is no such rule; {hint}")
        if severity not in may[name]:
            expected = " or ".join(map(repr, map(str, may[name])))
            raise SettingsError(f"{place}.{name}: {severity!s} makes no sense for this rule; expected {expected}")
