"""What a materialisation shows: columns, a preview without customers unless allowed, a plot."""

import base64
from datetime import date, timedelta
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

from optimove_pipeline.assets.metadata import HISTORY_DAYS, column_schema, history_plot, preview
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.staging import Partition, Staging

DAY = date(2026, 11, 19)
REPORT = BY_NAME["customer_attribute_changers"]


@pytest.fixture
def partition(tmp_path: Path) -> Partition:
    staging = Staging(tmp_path)
    with staging.writing("validated", REPORT.name, DAY) as writer:
        writer.write(
            pl.DataFrame(
                {
                    "report_date": [DAY] * 9,
                    "changed_customer_attribute": ["Brand|A\nB"] + ["Brand"] * 8,
                    "customer_id": [f"secret-{number}" for number in range(9)],
                    "final_customer_attribute": ["secret"] * 9,
                    "attribute_email": ["secret@example.org"] * 9,
                    "unheard_of": ["secret"] * 9,
                    "_loaded_at": ["internal"] * 9,
                }
            )
        )
    return staging.open("validated", REPORT.name, DAY)


def test_the_preview_tells_of_no_single_customer(partition: Partition) -> None:
    text = preview(REPORT, partition, personal=False).md_str
    assert text is not None
    assert "secret" not in text
    assert text.splitlines()[:3] == [
        "| report_date | changed_customer_attribute |",
        "| --- | --- |",
        "| 2026-11-19 | Brand\\|A B |",
    ]
    assert "`warehouse.preview`" in text


def test_the_preview_shows_all_columns_of_a_few_rows_where_that_is_allowed(partition: Partition) -> None:
    text = preview(REPORT, partition, personal=True).md_str
    assert text is not None
    assert "secret@example.org" in text
    assert "secret-4" in text
    assert "secret-5" not in text
    assert "internal" not in text


def test_a_preview_of_nothing_says_so(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    with staging.writing("validated", REPORT.name, DAY):
        pass
    empty = staging.open("validated", REPORT.name, DAY)
    assert preview(REPORT, empty, personal=True).md_str == "no rows to show"


def test_columns_are_described_by_the_contract() -> None:
    schema = column_schema(
        REPORT, {"customer_id": "VARCHAR", "initial_customer_attribute": "VARCHAR", "new": "BIGINT"}
    )
    described = {column.name: (column.type, column.constraints.nullable) for column in schema.columns}
    assert described == {
        "customer_id": ("VARCHAR", False),
        "initial_customer_attribute": ("VARCHAR", True),
        "new": ("BIGINT", True),
    }
    assert "new since the previous day" in str(schema.columns[1].description)


def bars(plot: str | None) -> list[ElementTree.Element]:
    assert plot is not None
    image = plot.partition("base64,")[2].partition(")")[0]
    return [*ElementTree.fromstring(base64.b64decode(image))]  # noqa: S314 - our own image


def test_the_plot_has_a_bar_for_each_of_the_newest_days() -> None:
    counts = {DAY - timedelta(days=back): 100 - back for back in range(40)}
    plot = history_plot(counts).md_str
    found = bars(plot)
    assert len(found) == HISTORY_DAYS
    assert "2026-11-19: 100 rows" in str(ElementTree.tostring(found[-1]))
    assert str(plot).endswith("2026-10-23 to 2026-11-19, at most 100 rows")


def test_a_plot_of_no_rows_or_no_days_can_be_drawn() -> None:
    assert bars(history_plot({}).md_str) == []
    (bar,) = bars(history_plot({DAY: 0}).md_str)
    assert bar.attrib["height"] == "0"
