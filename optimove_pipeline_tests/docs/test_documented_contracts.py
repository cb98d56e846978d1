"""The page of data sets tells of every preset, rule and key of contracts, with their true defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml

from optimove_pipeline.datasets.catalogue import datasets_of
from optimove_pipeline.datasets.contract_files import ColumnContract, Contract
from optimove_pipeline.datasets.rules.families import FAMILIES
from optimove_pipeline.datasets.rules.wholes import WHOLES
from optimove_pipeline.settings.datasets import Datasets, Preset
from optimove_pipeline_tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "datasets.md"


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table below a header row."""
    table = PAGE.read_text(encoding="utf-8").partition(heading)[2].partition("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def words(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


def test_every_rule_is_documented_with_what_it_does_and_may_do() -> None:
    documented = [
        (words(rule)[0], meaning, *map(words, does)) for rule, meaning, *does in rows("| rule | broken by |")
    ]
    families = [
        (
            f"{family.name}:<column>",
            family.meaning,
            [each for each in (family.usual, family.strict) if each],
            family.may,
        )
        for family in FAMILIES
    ]
    wholes = [(whole.name, whole.meaning, [whole.usual], whole.may) for whole in WHOLES]
    assert documented == [(name, meaning, usual, list(may)) for name, meaning, usual, may in [*families, *wholes]]


@pytest.mark.parametrize(("number", "section"), [(1, Contract), (2, ColumnContract)])
def test_every_key_of_a_contract_is_documented_with_its_default(
    number: int, section: type[Contract] | type[ColumnContract]
) -> None:
    heading = ("", "A data set has:\n\n| key |", "A column has:\n\n| key |")[number]
    documented = {
        name: (words(default) or [default])[0] for names, default, _ in rows(heading) for name in words(names)
    }
    defaults = {
        name: "required" if field.is_required() else _written(field.default)
        for name, field in section.model_fields.items()
    }
    assert {name: yaml.safe_load(default) for name, default in documented.items()} == defaults


def _written(default: object) -> object:
    return list(default) if isinstance(default, tuple) else default


def test_every_preset_is_documented_with_its_data_sets() -> None:
    presets = {words(preset)[0]: words(names) for preset, names in rows("| preset | data sets |")}
    assert presets == {
        preset: [dataset.name for dataset in datasets_of(Datasets(preset=preset), Path())]
        for preset in get_args(Preset)
    }
