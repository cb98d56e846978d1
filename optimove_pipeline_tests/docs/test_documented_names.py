"""Settings, variables, options and faults are documented, all of them and with their true defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import yaml

from optimove_pipeline.config import Settings
from optimove_pipeline.sandbox import faults
from optimove_pipeline.sandbox.options import SandboxOptions
from optimove_pipeline_tests.docs.pages import ROOT, first_cells

SETTINGS = ROOT / "docs" / "settings.md"
SANDBOX = ROOT / "docs" / "sandbox.md"
REQUIRED = object()

Schema = dict[str, Any]


def test_every_setting_is_documented_with_its_default() -> None:
    cells = {key: default for key, default in first_cells(SETTINGS) if "." in key or key in Settings.model_fields}
    documented = {key: _parsed(default) for key, default in cells.items()}
    assert documented == dict(_leaves(Settings.model_json_schema()))


def _leaves(schema: Schema) -> Iterator[tuple[str, object]]:
    """Yield the dotted key and the default of every setting, but not of the sections that only hold others."""
    yield from _section(schema, "", schema["$defs"])


def _section(section: Schema, prefix: str, known: Schema) -> Iterator[tuple[str, object]]:
    for name, value in section["properties"].items():
        key = f"{prefix}{name}"
        mapped = value.get("additionalProperties")
        if isinstance(mapped, dict) and any("$ref" in each for each in mapped.get("oneOf", ())):
            yield key, value["default"]
            yield from _kinds(mapped["oneOf"], key, known)
            continue
        if isinstance(mapped, dict) and any("$ref" in each for each in mapped.get("anyOf", ())):
            yield key, value["default"]
            for each in (each for each in mapped["anyOf"] if "$ref" in each):
                yield from _section(known[each["$ref"].rpartition("/")[2]], f"{key}.<column>.", known)
            continue
        inner, suffix, itself = _inner(value, known, "name" if prefix == "datasets." else "report")
        if itself:
            yield key, value.get("default", REQUIRED)
        if inner:
            yield from _section(inner, f"{key}{suffix}.", known)


def _kinds(references: list[Schema], prefix: str, known: Schema) -> Iterator[tuple[str, object]]:
    """Yield the settings of things of several kinds: as ``<name>`` where all that have it agree on the default."""
    sections = [known[reference["$ref"].rpartition("/")[2]] for reference in references]
    of_kinds = {section["properties"]["kind"]["const"]: dict(_section(section, "", known)) for section in sections}
    for kind, leaves in of_kinds.items():
        for name, default in leaves.items():
            agreed = all(others.get(name, default) == default for others in of_kinds.values())
            yield f"{prefix}.<{'name' if agreed else kind}>.{name}", default


def _inner(value: Schema, known: Schema, mapped_by: str) -> tuple[Schema | None, str, bool]:
    """Return the section that a setting holds, how its key goes on, and whether the setting counts itself.

    A setting that is mapped goes on with ``<mapped_by>``.
    """
    optional = next((each for each in value.get("anyOf", ()) if "$ref" in each), None)
    listed, mapped = value.get("items", {}), value.get("additionalProperties", {})
    for holder, suffix, itself in ((value, "", False), (optional, "", True), (listed, "[]", True)):
        found = known[holder["$ref"].rpartition("/")[2]] if holder and "$ref" in holder else {}
        if "properties" in found:
            return found, suffix, itself
    if isinstance(mapped, dict) and "$ref" in mapped:
        return known[mapped["$ref"].rpartition("/")[2]], f".<{mapped_by}>", True
    return None, "", True


def _parsed(default: str) -> object:
    if default == "required":
        return REQUIRED
    parsed = yaml.safe_load(default)
    return parsed if isinstance(parsed, str | int | float | list | dict | None) else str(parsed)


def test_every_variable_that_the_code_reads_is_documented() -> None:
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "optimove_pipeline").rglob("*.py"))
    read = set(re.findall(r"\b(?:OPTIMOVE_[A-Z_]+|DAGSTER_HOME)\b", code))
    values = {default for _, default in _leaves(Settings.model_json_schema()) if isinstance(default, str)}
    assert read - values <= {variable for variable, _ in first_cells(SETTINGS)}


def test_every_option_of_the_sandbox_is_documented_with_its_default() -> None:
    documented = dict(_options())
    actual = {field.name: field.default for field in fields(SandboxOptions)}
    actual["windows"] = [list(window) for window in SandboxOptions().windows]
    assert documented == actual


def _options() -> Iterator[tuple[str, object]]:
    text = SANDBOX.read_text(encoding="utf-8").partition("## Options")[2].partition("## Controls")[0]
    for names, defaults in re.findall(r"^\| (`[^|]+`) \| (`[^|]+`) \|", text, re.MULTILINE):
        for name, default in zip(names.split(", "), _cells(defaults), strict=True):
            yield name.strip("`"), yaml.safe_load(default)


def _cells(defaults: str) -> list[str]:
    return re.findall(r"`([^`]+)`", defaults)


def test_every_fault_of_the_sandbox_is_documented() -> None:
    text = SANDBOX.read_text(encoding="utf-8").partition("## Faults")[2]
    assert sorted(re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)) == sorted(faults.names())


@pytest.mark.parametrize("preset", ["tiny", "small", "medium", "large"])
def test_every_preset_is_documented(preset: str) -> None:
    assert f"`{preset}` (" in SANDBOX.read_text(encoding="utf-8")
