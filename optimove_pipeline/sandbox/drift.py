"""The ways in which answers of the real API differ from their documentation (reference, sections 1.7, 1.8)."""

from collections.abc import Sequence
from typing import Any

from optimove_pipeline.sandbox.options import SandboxOptions
from optimove_pipeline.sandbox.rows import Row


def drifted(rows: Sequence[Row], options: SandboxOptions, delimiter: str = ",") -> list[Row]:
    """The rows as this sandbox writes them: keys, numbers, flags and attributes in the chosen forms."""
    forms = (options.key_drift, options.numbers_as_text, options.flags_as_text, options.attributes_as_text)
    if not any(forms):
        return list(rows)
    return [_drifted_row(row, options, delimiter) for row in rows]


def _drifted_row(row: Row, options: SandboxOptions, delimiter: str) -> Row:
    found = {key: _drifted_value(value, options) for key, value in row.items()}
    if options.attributes_as_text and isinstance(found.get("CustomerAttributes"), list):
        values = found.pop("CustomerAttributes")
        found["CustomerAttribute"] = delimiter.join(value or "" for value in values)
    return {_drifted_key(key): value for key, value in found.items()} if options.key_drift else found


def _drifted_key(key: str) -> str:
    return f"{key[:-2]}Id" if key.endswith("ID") else key


def _drifted_value(value: Any, options: SandboxOptions) -> Any:
    if isinstance(value, bool):
        return str(value).lower() if options.flags_as_text else value
    return str(value) if options.numbers_as_text and isinstance(value, int | float) else value
