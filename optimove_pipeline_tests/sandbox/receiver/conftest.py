from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from optimove_pipeline.sandbox.faults import Script
from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.receiver.server import Receiver, ReceiverOptions, running_receiver
from optimove_pipeline_tests.sandbox.receiver.connecting import client_of


@pytest.fixture
def places(tmp_path: Path) -> Places:
    made = Places(tmp_path / "sandbox")
    made.make()
    return made


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def receiver(places: Places, script: Script) -> Iterator[Receiver]:
    with running_receiver(places, ReceiverOptions(), script.take) as running:
        yield running


@pytest.fixture
def client(receiver: Receiver) -> Iterator[paramiko.SFTPClient]:
    with client_of(receiver) as connected:
        yield connected
