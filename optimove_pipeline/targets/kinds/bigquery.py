"""BigQuery: a dataset of views that Optimove reads, over tables in another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.settings.types import Seconds, Text

if TYPE_CHECKING:
    from optimove_pipeline.targets.bigquery.target import BigQueryTarget
    from optimove_pipeline.targets.connecting import Step
    from optimove_pipeline.targets.table import Table

_DATASET = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
_ACCOUNT = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _dataset(text: str) -> str:
    if not _DATASET.fullmatch(text):
        raise ValueError("expected letters, digits and underscores, 100 at most, that begin with a letter")
    return text


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("expected the e-mail address of an account, such as optimove@acme.iam.gserviceaccount.com")
    return text


class BigQueryTargetSettings(TableTargetSettings):
    """A dataset of BigQuery."""

    kind: Literal["bigquery"]
    project: Text
    dataset: Annotated[Text, AfterValidator(_dataset)] = Field(
        "optimove", description="dataset of the views; those of the tables are <dataset>_tables and <dataset>_stage"
    )
    region: Text = Field(description="where the data lies, such as EU")
    service_account: SecretReference | None = Field(
        None, description="reference to the JSON of a service account; Google's own chain of credentials if none"
    )
    reader: Annotated[Text, AfterValidator(_account)] = Field(description="e-mail of Optimove's account")
    reader_account: SecretReference | None = Field(
        None, description="reference to the JSON of that account, for the check; without it we look as ourselves"
    )
    endpoint: Text | None = Field(None, description="address of a service other than Google's own")
    timeout_seconds: Seconds = Field(120, description="silence after which a request is given up")

    @property
    def tables_dataset(self) -> str:
        """The dataset of the tables and receipts."""
        return f"{self.dataset}_tables"

    @property
    def stage_dataset(self) -> str:
        """The dataset whose tables expire."""
        return f"{self.dataset}_stage"

    def open(self, name: str, data_dir: Path) -> BigQueryTarget:
        """Return the dataset as a target."""
        from optimove_pipeline.targets.bigquery.target import BigQueryTarget

        return BigQueryTarget(name, self, data_dir)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return what both sides set up (reference on delivery, section 3.3)."""
        from optimove_pipeline.targets.bigquery.steps import steps

        return steps(name, self, tables)


SETTINGS = BigQueryTargetSettings
