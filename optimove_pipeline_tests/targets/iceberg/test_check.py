"""The check of an Iceberg target, and what connects it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pyiceberg.exceptions import ForbiddenError, OAuthError, ServiceUnavailableError

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.targets.connecting import Who
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.iceberg.failures import told
from optimove_pipeline_tests.targets.iceberg.tables import ACTIONS, BETS, CUSTOMERS, at, held, rows, settings, target


def test_the_check_reads_rows_and_newest_change_of_each_table(tmp_path: Path) -> None:
    place = target(tmp_path)
    place.load(rows(BETS, "2026-11-20", [(1, "a", at(1)), (2, "a", at(2.5))]))
    place.load(rows(ACTIONS, "2026-11-20", [("a", 1)]))
    connected, bets, actions = place.check([BETS, ACTIONS])
    assert (connected.step, connected.passed) == ("connect", True)
    assert bets.step.startswith("Bets: 2 rows, newest LastUpdated 2026-11-20 02:30:00, snapshot ")
    assert actions.step.startswith("Customer_Actions: 1 rows, snapshot ")


def test_a_table_that_is_not_there_fails_the_check_until_it_is_connected(tmp_path: Path) -> None:
    place = target(tmp_path)
    *_, failed = place.check([BETS])
    assert not failed.passed
    assert failed.fix.endswith("optimove.bets is not there: `optimove-pipeline connect optimove --apply` creates it")
    done = list(place.connect([BETS, CUSTOMERS]))
    assert list(place.connect([BETS, CUSTOMERS])) == done, "connecting again changes nothing"
    assert [step.title for step in done] == [
        "create the namespace optimove in the sql catalog",
        "create the table optimove.bets",
        "create the table optimove.customers",
    ]
    assert [each.passed for each in place.check([BETS, CUSTOMERS])] == [True, True, True]
    assert held(place, BETS) == []


def test_a_broken_data_file_fails_the_check(tmp_path: Path) -> None:
    place = target(tmp_path)
    place.load(rows(BETS, "2026-11-20", [(1, "a", at(1))]))
    (file,) = tmp_path.rglob("*.parquet")
    file.write_bytes(b"x" * file.stat().st_size)
    *_, failed = place.check([BETS])
    assert not failed.passed
    assert "optimove.bets: can't be read" in failed.fix


def test_a_table_whose_catalog_is_away_is_worth_another_try(tmp_path: Path) -> None:
    place = target(tmp_path, catalog="rest", uri="http://127.0.0.1:9", warehouse="acme")
    (failed,) = place.check([BETS])
    assert not failed.passed
    assert "rest catalog http://127.0.0.1:9 acme, namespace optimove" in failed.fix
    with pytest.raises(UnreachableError):
        place.load(rows(BETS, "2026-11-20", []))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OAuthError("hunter2 is wrong"), LoginError),
        (ForbiddenError("not hunter2"), LoginError),
        (ServiceUnavailableError("hunter2, later"), UnreachableError),
        (OSError("AWS Error ACCESS_DENIED during hunter2"), LoginError),
        (OSError("AWS Error NETWORK_CONNECTION with hunter2"), UnreachableError),
        (OSError("When writing 00000-403-1.parquet: AWS Error NETWORK_CONNECTION during hunter2"), UnreachableError),
        (OSError("When writing bets.parquet: HTTP status 403"), LoginError),
        (OSError("When writing bets.parquet: HTTP status 503"), UnreachableError),
        (OSError("No space left on device"), TargetError),
        (ValueError("hunter2?sig=abc"), TargetError),
    ],
)
def test_errors_are_told_in_our_words_and_without_secrets(error: Exception, expected: type[TargetError]) -> None:
    with pytest.raises(TargetError) as caught, told("target optimove", ["hunter2"]):
        raise error
    assert type(caught.value) is expected
    assert "hunter2" not in str(caught.value)
    assert "sig=" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_secret_that_is_missing_is_named(tmp_path: Path) -> None:
    place = target(tmp_path, catalog="rest", uri="https://c.example.com", warehouse="w", token="${NO_SUCH_TOKEN}")
    with pytest.raises(SettingsError, match="NO_SUCH_TOKEN is not set"):
        place.load(rows(BETS, "2026-11-20", []))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"warehouse": "s3://acme-lake/optimove", "catalog": "glue"},
            [
                "CATALOG_SOURCE = GLUE",
                "arn:aws:s3:::acme-lake/optimove/*",
                "<STORAGE_AWS_EXTERNAL_ID>",
                "STORAGE_BASE_URL = 's3://acme-lake/optimove/'",
            ],
        ),
        (
            {"warehouse": "gs://acme-lake", "uri": "${CATALOG}"},
            ["STORAGE_BASE_URL = 'gcs://acme-lake/'", "gs://acme-lake \\"],
        ),
        (
            {"warehouse": "abfss://lake@acme.dfs.core.windows.net/o", "storage_account": "acme", "uri": "${CATALOG}"},
            ["azure://acme.blob.core.windows.net/lake/o/", "container lake"],
        ),
        (
            {
                "catalog": "polaris",
                "uri": "https://acme-open.snowflakecomputing.com",
                "warehouse": "lake",
                "credential": "${LOGIN}",
            },
            [
                "CATALOG_SOURCE = POLARIS",
                "https://acme-open.snowflakecomputing.com/polaris/api/catalog",
                "CATALOG_NAME = 'lake'",
            ],
        ),
        (
            {"catalog": "unity", "uri": "https://acme.databricks.com", "warehouse": "lake", "token": "${PAT}"},
            [
                "GRANT SELECT ON TABLE lake.optimove.bets",
                "EXTERNAL USE SCHEMA",
                "https://acme.databricks.com/api/2.1/unity-catalog/iceberg-rest",
            ],
        ),
        (
            {"catalog": "rest", "uri": "https://c.example.com/x", "warehouse": "lake", "token": "${PAT}"},
            ["CATALOG_SOURCE = ICEBERG_REST", "TYPE = BEARER"],
        ),
    ],
)
def test_the_steps_have_the_tenants_names_and_no_secret(given: dict[str, str], said: list[str]) -> None:
    assert not {"LOGIN", "PAT", "CATALOG"} & set(os.environ), "steps are told without them"
    steps = settings(**given).steps("optimove", [BETS])
    told_in_full = "\n".join(f"{step.title}\n{step.text}" for step in steps)
    assert [each for each in said if each not in told_in_full] == []
    assert {step.who for step in steps} == {Who.PROGRAM, Who.COMPANY, Who.OPTIMOVE}


def test_what_the_program_does_is_what_its_steps_say(tmp_path: Path) -> None:
    place = target(tmp_path)
    said = [step for step in place.settings.steps("optimove", [BETS, ACTIONS]) if step.who is Who.PROGRAM]
    assert list(place.connect([BETS, ACTIONS])) == said
