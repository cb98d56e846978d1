"""What is wrong with a setting, said in one line: the file, the setting and what is expected."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel

from optimove_pipeline.settings.branches import BRANCH

_EXPECTED = {
    "missing": "is missing",
    "model_type": "expected settings by name below it",
    "dict_type": "expected settings by name below it",
    "tuple_type": "expected a list",
    "int_type": "expected a whole number",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "bool_type": "expected true or false",
    "string_type": "expected text",
    "string_too_short": "expected text that is not empty",
    "date_type": "expected a date such as 2026-11-20",
    "path_type": "expected a path",
    "literal_error": "expected {expected}",
    "enum": "expected {expected}",
    "greater_than": "expected more than {gt:g}",
    "greater_than_equal": "expected at least {ge:g}",
    "less_than_equal": "expected at most {le:g}",
}
"""By pydantic's type of error, in the words of a YAML file."""


def describe(source: str, details: Any, settings: type[BaseModel]) -> str:
    """Return one problem that pydantic found; ``details`` is one item of ``ValidationError.errors()``."""
    location = [str(part) for part in details["loc"] if not str(part).startswith(("[", BRANCH))]
    place = ": ".join([source, *([".".join(location)] if location else [])])
    if details["type"] == "extra_forbidden":
        near = get_close_matches(location[-1], _keys(settings, location[:-1]), n=1)
        return f"{place}: no such setting{f'; did you mean {near[0]}?' if near else ''}"
    if details["type"] in _EXPECTED:
        return f"{place}: {_EXPECTED[details['type']].format(**details.get('ctx', {}))}"
    message = details["msg"].removeprefix("Value error, ")
    return f"{place}: {message[0].lower()}{message[1:]}"


def _keys(settings: type[BaseModel], location: list[str]) -> list[str]:
    """Return the names of the settings at a place; its list positions and free keys are passed by.

    Where a place may hold sections of several kinds, they are the names of all of them.
    """
    sections: list[type[BaseModel]] = [settings]
    for part in location:
        fields = [section.model_fields[part] for section in sections if part in section.model_fields]
        sections = [inner for field in fields for inner in _sections(field.annotation)] or sections
    return [name for section in sections for name, field in section.model_fields.items() if not field.exclude]


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the sections that a field's type holds, in a list, a mapping or alone."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections(inner)
