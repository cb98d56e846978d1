"""A consent is never filled in: the settings that would do so are refused (reference, section 2.1)."""

from __future__ import annotations

from optimove_pipeline.datasets.dataset import Dataset, Severity
from optimove_pipeline.datasets.rules.severities import severities_of
from optimove_pipeline.datasets.rules.texts import PLACEHOLDERS
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.datasets import Constant, DatasetSettings

_BLANK = {"", *PLACEHOLDERS}


def filled_in(dataset: Dataset, own: DatasetSettings) -> dict[str, str]:
    """Return the consents that the settings fill in, and how: by a constant, or by a value for blank."""
    found = {}
    for column in dataset.columns:
        mapped = own.columns.get(column.name)
        if not column.consent or mapped is None:
            continue
        if isinstance(mapped, Constant):
            found[column.name] = "constant"
        elif _BLANK & set(mapped.values):
            found[column.name] = "values"
    return found


def check_consent(dataset: Dataset, own: DatasetSettings) -> None:
    """Refuse settings that fill in a consent, unless the rule is set to warn.

    Raises:
        SettingsError: it names the setting and what to do.
    """
    severities = severities_of(dataset, own.rules)
    for column, how in filled_in(dataset, own).items():
        if severities[f"consent:{column}"] is not Severity.WARN:
            raise SettingsError(
                f"datasets.each.{dataset.name}.columns.{column}.{how}: a customer's consent is never filled in; "
                f"leave it blank, or sign it off with datasets.each.{dataset.name}.rules: {{consent:{column}: warn}}"
            )
