"""The company's settings are those of a settings file, and name what the company and Optimove really have."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from optimove_pipeline.datasets.catalogue import datasets_of
from optimove_pipeline.sandbox.company.exports import COLUMNS
from optimove_pipeline.sandbox.company.schema import TABLES
from optimove_pipeline.sandbox.company.settings import company_settings, target_settings
from optimove_pipeline.sandbox.receiver.tables import TABLES as AGREED
from optimove_pipeline.settings.datasets import Constant, Datasets, DatasetSettings
from optimove_pipeline.settings.sources import AnySource, DuckDbSettings, FilesSettings
from optimove_pipeline.targets.kinds.sftp import SftpSettings

SETTINGS = company_settings(Path("/data/company.duckdb"), date(2026, 11, 20))


def _columns_read(own: DatasetSettings, columns: list[str]) -> set[str]:
    mapped: dict[str, Any] = {name: own.columns.get(name) for name in columns}
    named = {name for name, found in mapped.items() if found is None}
    return named | {
        found.column for found in mapped.values() if found is not None and not isinstance(found, Constant)
    }


def test_they_send_the_tables_that_were_agreed() -> None:
    sent = datasets_of(Datasets.model_validate(SETTINGS["datasets"]), Path())
    assert {dataset.table: dataset.key for dataset in sent} == {table.name: table.key for table in AGREED.values()}


def test_every_column_that_they_read_is_in_the_company_s_tables() -> None:
    settings = Datasets.model_validate(SETTINGS["datasets"])
    for dataset in datasets_of(settings, Path()):
        own = settings.of(dataset.name)
        read = _columns_read(own, [column.name for column in dataset.columns])
        changed = {own.change_column} if dataset.change_column else set()
        there = set(COLUMNS) if own.source == "exports" else TABLES[str(own.table)].keys()
        assert (read | changed) - there == set()


def test_the_agreed_columns_that_may_not_be_blank_are_sent() -> None:
    for dataset in datasets_of(Datasets.model_validate(SETTINGS["datasets"]), Path()):
        assert set(AGREED[dataset.table].required) <= {column.name for column in dataset.columns}


def test_the_sources_are_the_company_s_file_and_its_exports() -> None:
    sources = TypeAdapter(dict[str, AnySource]).validate_python(SETTINGS["sources"])
    company, exports = sources["company"], sources["exports"]
    assert isinstance(company, DuckDbSettings)
    assert isinstance(exports, FilesSettings)
    assert (str(company.path), exports.location) == ("/data/company.duckdb", "/data/exports")
    settings = Datasets.model_validate(SETTINGS["datasets"])
    assert {settings.of(name).source for name in settings.each} == {"company", "exports"}


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2026, 1, 1), date(2025, 7, 1)),
        (date(2026, 1, 31), date(2025, 7, 1)),
        (date(2026, 2, 1), date(2026, 1, 1)),
        (date(2026, 12, 31), date(2026, 1, 1)),
    ],
)
def test_days_have_ended_since_the_first_day_on_new_year_too(today: date, first: date) -> None:
    assert company_settings(Path("/data/company.duckdb"), today)["datasets"]["first_day"] == first


def test_the_target_is_a_right_target() -> None:
    fingerprint = "SHA256:" + "A" * 43
    sftp = {
        "host": "127.0.0.1",
        "port": 2222,
        "username": "sandbox",
        "host_key": fingerprint,
        "key_file": "/data/keys/user",
        "folder": "in",
    }
    target = SftpSettings.model_validate(target_settings(sftp)["targets"]["sandbox"])
    assert (target.host_keys, str(target.key_file), target.folder) == ((fingerprint,), "/data/keys/user", "in")
    assert target.test_folder == "test"
