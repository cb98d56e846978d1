"""Secrets in settings: always a reference to the environment, read at the moment of use and never kept."""

from __future__ import annotations

import os
import re
from typing import Annotated

from pydantic import AfterValidator

from optimove_pipeline.errors import SettingsError

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def _must_be_reference(text: str) -> str:
    if not _REFERENCE.fullmatch(text):
        raise ValueError("a secret may not stand in the settings: write a reference such as ${OPTIMOVE_API_KEY}")
    return text


SecretReference = Annotated[str, AfterValidator(_must_be_reference)]
"""``${NAME}``: the name of an environment variable. Anything else is refused, and its text not repeated."""


def reveal(reference: str) -> str:
    """Return the value that a reference stands for.

    Raises:
        SettingsError: the environment variable is missing or empty.
    """
    return expand(_must_be_reference(reference))


def expand(text: str) -> str:
    """Return the text with every ``${NAME}`` replaced by the environment variable of that name.

    Raises:
        SettingsError: an environment variable is missing or empty.
    """
    return _REFERENCE.sub(_value_of, text)


def _value_of(match: re.Match[str]) -> str:
    value = os.environ.get(match.group(1), "")
    if not value:
        raise SettingsError(f"the environment variable {match.group(1)} is not set, but the settings refer to it")
    return value
