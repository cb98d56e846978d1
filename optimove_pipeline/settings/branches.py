"""Settings that may be one thing or another: which of them a value is, by its kind or because it is a word."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from pydantic import BeforeValidator, Discriminator

BRANCH = "="
"""Begins the tag of a union's branch, which is no part of a setting's place."""
WORD, LISTED = f"{BRANCH}word", f"{BRANCH}listed"
"""The tags of a word, and of the list that may stand in its place."""


def by_kind(kinds: Collection[str], what: str) -> Discriminator:
    """Return what tells sections apart by their ``kind``, each tagged ``=kind``; ``what`` names them in errors."""

    def branch(value: Any) -> str | None:
        kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
        return f"{BRANCH}{kind}" if kind in kinds else None

    return Discriminator(
        branch,
        custom_error_type=f"{what}_kind",
        custom_error_message=f"expected `kind`, one of {', '.join(kinds)}, with that kind's settings",
    )


def word_or_list(word: str) -> Discriminator:
    """Return what tells a word, tagged ``WORD``, from anything else, tagged ``LISTED``."""
    return Discriminator(lambda value: WORD if value == word else LISTED)


def listed(word: str, items: str) -> BeforeValidator:
    """Return the validator of the list that may stand in a word's place; ``items`` is what it holds."""
    return BeforeValidator(_refuse_others(f"expected `{word}` or a list of {items}"))


def _refuse_others(message: str) -> Callable[[object], object]:
    def check(value: object) -> object:
        if not isinstance(value, list | tuple):
            raise ValueError(message)  # noqa: TRY004 - pydantic's own way
        return value

    return check
