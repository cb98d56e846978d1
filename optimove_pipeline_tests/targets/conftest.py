"""A real SFTP server for the tests of this folder, and a ledger for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline_tests.servers.openssh import OpenSsh, openssh_folder, openssh_server


@pytest.fixture(scope="session")
def ssh_server() -> Iterator[OpenSsh]:
    with openssh_folder() as place, openssh_server(place) as running:
        yield running


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(ledger_file(tmp_path))
