"""Settings of sources that don't fit together are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.config import parse_settings
from optimove_pipeline.errors import SettingsError

SNOWFLAKE = {"kind": "snowflake", "account": "acme", "database": "CRM", "username": "reader"}
FILES = {"kind": "files", "location": "s3://acme", "format": "csv"}


def refusal(document: dict[str, Any]) -> str:
    with pytest.raises(SettingsError) as caught:
        parse_settings(document, source="optimove.yaml", data_dir=Path("data"))
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            {"kind": "oracle"},
            "expected `kind`, one of postgres, mysql, sqlserver, snowflake, bigquery, duckdb, files",
        ),
        (SNOWFLAKE, "give one of password and key_file"),
        ({**SNOWFLAKE, "password": "${P}", "key_file": "k"}, "give one of password and key_file"),
        ({**SNOWFLAKE, "password": "geheim"}, "a secret may not stand in the settings"),
        ({**FILES, "access_key": "${K}"}, "give access_key and secret_key, or neither"),
        ({**FILES, "sas": "${S}"}, "sas can't be used with s3://acme"),
        ({**FILES, "location": "drop", "region": "EU"}, "region can't be used with drop"),
        ({**FILES, "location": "s3://"}, "expected a folder, or s3://bucket/"),
        ({**FILES, "location": "az://acme"}, "expected az://account/container"),
    ],
)
def test_a_source_that_can_not_work_is_refused(source: dict[str, Any], told: str) -> None:
    refused = refusal({"sources": {"crm": source}})
    assert refused.startswith("optimove.yaml: sources.crm")
    assert told in refused
    assert "geheim" not in refused


def test_a_data_set_names_a_source_that_is_there() -> None:
    sources = {"crm": {"kind": "duckdb", "path": "company.duckdb"}}
    datasets = {"preset": "casino", "source": "crn"}
    assert "datasets.source: crn is none of the sources; did you mean crm?" in refusal(
        {"sources": sources, "datasets": datasets}
    )
    each = {"preset": "casino", "each": {"customers": {"source": "shop"}}}
    assert "datasets.each.customers.source: shop is none of the sources" in refusal({"datasets": each})
