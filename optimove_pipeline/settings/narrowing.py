"""Filters that are given for one run only, laid over those of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.problems import describe
from optimove_pipeline.settings.reports import Filters

_EXCLUDED_BY = {"attribute_value": "lifecycle_stages", "lifecycle_stages": "attribute_value"}
"""The two forms of report 6: one that is given for a run takes the place of the other (reference, report 6)."""


def narrow(filters: Filters, given: Mapping[str, Any], source: str) -> Filters:
    """Return the filters with those ``given`` in place of their own; ``source`` says in messages where they stand.

    Raises:
        SettingsError: one line for each filter that is unknown or wrong.
    """
    both = filters.model_dump()
    for name, other in _EXCLUDED_BY.items():
        if given.get(name) and other not in given:
            both.pop(other)
    try:
        return Filters.model_validate({**both, **given})
    except ValidationError as error:
        raise SettingsError("\n".join(describe(source, details, Filters) for details in error.errors())) from None
