"""The setting of chunks: what it takes, what each size means, and its short form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.config import parse_settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.chunks import Chunk, parse_chunk


def chunk_of(document: dict[str, Any]) -> Chunk:
    return parse_settings({"reports": {"chunk": document}}, source="a.yaml", data_dir=Path("data")).reports.chunk


@pytest.mark.parametrize(
    ("document", "length"),
    [({}, 31), ({"size": 4}, 4), ({"interval": "monthly"}, 1), ({"interval": "yearly", "size": 2}, 2)],
)
def test_a_chunk_without_a_size_is_31_days_one_month_or_one_year(document: dict[str, Any], length: int) -> None:
    assert chunk_of(document).length == length


def test_a_size_without_an_interval_to_count_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^a\.yaml: reports\.chunk: size says nothing with interval none"):
        chunk_of({"interval": "none", "size": 4})


@pytest.mark.parametrize(
    ("text", "chunk"),
    [
        ("none", Chunk(interval="none")),
        ("daily", Chunk()),
        ("daily:4", Chunk(size=4)),
        ("monthly:2", Chunk(interval="monthly", size=2)),
    ],
)
def test_the_short_form_is_the_same_chunk(text: str, chunk: Chunk) -> None:
    assert parse_chunk(text) == chunk


@pytest.mark.parametrize(
    "text", ["", "weekly", "daily:", "daily:x", "daily:0", "daily:1001", "none:4", "daily:4:2", ":4"]
)
def test_a_chunk_that_can_not_be_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^chunk .*: expected one of none, daily, monthly, yearly") as caught:
        parse_chunk(text)
    assert "\n" not in str(caught.value)
