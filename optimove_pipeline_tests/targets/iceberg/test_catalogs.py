"""What pyiceberg is given for each kind of catalog. Glue, Polaris and Unity can't run here; a REST catalog does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.targets.iceberg.catalogs import properties_of
from optimove_pipeline.targets.kinds.iceberg import IcebergSettings
from optimove_pipeline_tests.targets.iceberg.tables import settings

STORAGE = {
    "py-io-impl": "pyiceberg.io.pyarrow.PyArrowFileIO",
    "s3.region": "us-east-1",
    "s3.connect-timeout": "10",
    "s3.request-timeout": "60",
}
DATABRICKS = "https://acme.databricks.com"


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"URI": "postgresql+psycopg://u:p@db/catalog", "KEY": "key", "SECRET": "secret", "LOGIN": "id:secret"}
    for name, value in {**values, "PAT": "dapi", "SAS": "sv=1"}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"uri": "${URI}", "warehouse": "gs://lake/o"},
            {"type": "sql", "uri": "postgresql+psycopg://u:p@db/catalog", "warehouse": "gs://lake/o"},
        ),
        (
            {"catalog": "glue", "warehouse": "s3://lake/o", "region": "eu-west-1"},
            {"type": "glue", "warehouse": "s3://lake/o", "glue.region": "eu-west-1", "s3.region": "eu-west-1"},
        ),
        (
            {"catalog": "glue", "warehouse": "s3://lake", "access_key": "${KEY}", "secret_key": "${SECRET}"},
            {
                "type": "glue",
                "warehouse": "s3://lake",
                "glue.region": "us-east-1",
                "glue.access-key-id": "key",
                "glue.secret-access-key": "secret",
                "s3.access-key-id": "key",
                "s3.secret-access-key": "secret",
            },
        ),
        (
            {
                "catalog": "polaris",
                "uri": "https://o-a.snowflakecomputing.com/",
                "warehouse": "lake",
                "credential": "${LOGIN}",
            },
            {
                "type": "rest",
                "uri": "https://o-a.snowflakecomputing.com/polaris/api/catalog",
                "warehouse": "lake",
                "credential": "id:secret",
                "oauth2-server-uri": "https://o-a.snowflakecomputing.com/polaris/api/catalog/v1/oauth/tokens",
                "scope": "PRINCIPAL_ROLE:ALL",
            },
        ),
        (
            {"catalog": "polaris", "uri": "https://polaris.example.com", "warehouse": "lake", "scope": "X"},
            {"type": "rest", "uri": "https://polaris.example.com/api/catalog", "warehouse": "lake", "scope": "X"},
        ),
        (
            {"catalog": "unity", "uri": DATABRICKS, "warehouse": "main", "credential": "${LOGIN}"},
            {
                "type": "rest",
                "uri": f"{DATABRICKS}/api/2.1/unity-catalog/iceberg-rest",
                "warehouse": "main",
                "credential": "id:secret",
                "scope": "all-apis",
                "oauth2-server-uri": f"{DATABRICKS}/oidc/v1/token",
            },
        ),
        (
            {"catalog": "unity", "uri": DATABRICKS, "warehouse": "main", "token": "${PAT}"},
            {
                "type": "rest",
                "uri": f"{DATABRICKS}/api/2.1/unity-catalog/iceberg-rest",
                "warehouse": "main",
                "token": "dapi",
                "scope": "all-apis",
            },
        ),
        (
            {
                "catalog": "rest",
                "uri": "https://c.example.com/own/path",
                "warehouse": "abfss://o@acme.dfs.core.windows.net",
                "token_url": "https://login.example.com",
                "credential": "${LOGIN}",
                "storage_account": "acme",
                "sas": "${SAS}",
            },
            {
                "type": "rest",
                "uri": "https://c.example.com/own/path",
                "warehouse": "abfss://o@acme.dfs.core.windows.net",
                "credential": "id:secret",
                "oauth2-server-uri": "https://login.example.com",
                "adls.account-name": "acme",
                "adls.sas-token": "sv=1",
            },
        ),
    ],
)
def test_pyiceberg_is_given_what_the_kind_of_catalog_needs(
    given: dict[str, Any], expected: dict[str, str], tmp_path: Path
) -> None:
    assert properties_of(settings(**given), "optimove", tmp_path) == STORAGE | expected


def test_without_settings_catalog_and_tables_are_below_the_data_directory(tmp_path: Path) -> None:
    assert properties_of(settings(), "optimove", tmp_path) == STORAGE | {
        "type": "sql",
        "uri": f"sqlite:///{tmp_path}/state/iceberg-optimove.sqlite",
        "warehouse": f"file://{tmp_path}/iceberg",
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"catalog": "rest"}, "uri: expected the catalog's address"),
        ({"uri": "postgresql://u:hunter2@db/c"}, "uri: expected a reference"),
        ({"catalog": "glue"}, "expected a warehouse such as s3://bucket/folder and no uri"),
        ({"access_key": "${KEY}"}, "give access_key and secret_key, or neither"),
        ({"credential": "${LOGIN}", "token": "${PAT}"}, "give credential or token, not both"),
        ({"sas": "${SAS}", "storage_key": "${KEY}"}, "give sas or storage_key, not both"),
    ],
)
def test_settings_that_can_not_be_right_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        IcebergSettings.model_validate({"kind": "iceberg", **given})
    assert "hunter2" not in str(caught.value)
