"""A company whose day was delivered once, for the tests of what a person looks at afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimove_pipeline.sandbox.process import running_sandbox
from optimove_pipeline_tests.commands.company import DAY, NAMES, TODAY, Company
from optimove_pipeline_tests.end_to_end.dagster_in_memory import without_history
from optimove_pipeline_tests.end_to_end.place import run, settle


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """The company in a place where its day was delivered; not to be changed."""
    root = tmp_path_factory.mktemp("company")
    with running_sandbox(preset="tiny", today=TODAY, windows=(), folder=str(root / "sandbox")) as sandbox:
        told = sandbox.settings()
        datasets = {**told["datasets"], "select": [*NAMES], "first_day": str(DAY)}
        sections = {**told, "datasets": datasets, "delivery": {"datasets": ["sandbox"]}}
        company = Company(without_history(settle(root / "place", sandbox, **sections)), sandbox)
        ended = run(company.place, "deliver", "--from", f"{DAY}", "--to", f"{DAY}")
        assert ended.code == 0, ended.told
        yield company


@pytest.fixture
def company(delivered: Company, tmp_path: Path) -> Company:
    """The same in a place of its own, which may be changed."""
    shutil.copytree(delivered.place.root, tmp_path / "place")
    return delivered.at(tmp_path / "place")
