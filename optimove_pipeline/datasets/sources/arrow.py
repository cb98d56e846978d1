"""Databases whose drivers give Arrow batches through pyarrow: what their sessions share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import polars as pl

from optimove_pipeline.datasets.sources.sql import Described, plain


def frames_of(batches: Iterable[Any]) -> Iterator[pl.DataFrame]:
    """Yield pyarrow's batches or tables as frames."""
    for batch in batches:
        yield pl.DataFrame(batch)


def described_by(batch: Any) -> dict[str, Described]:
    """Return the columns of a pyarrow batch or table, as Polars reads them."""
    return {name: plain(dtype) for name, dtype in pl.DataFrame(batch).schema.items()}
