"""The project's own deliveries reach the sandbox, whatever it is told to do to them."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.ledger import Ledger, ledger_file
from optimove_pipeline.packages import Package
from optimove_pipeline.sandbox.company.settings import target_settings
from optimove_pipeline.sandbox.faults import Fault, Script
from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.receiver.server import Receiver
from optimove_pipeline.stages.deliver import deliver
from optimove_pipeline.targets.errors import LoginError, TargetError
from optimove_pipeline.targets.kinds.sftp import SftpSettings
from optimove_pipeline.targets.sftp import SftpTarget
from optimove_pipeline_tests.targets.goods import contents, package

Target = Callable[..., SftpTarget]


@pytest.fixture
def target(receiver: Receiver) -> Target:
    def of(**changed: Any) -> SftpTarget:
        told = target_settings(asdict(receiver))["targets"]["sandbox"]
        return SftpTarget("sandbox", SftpSettings.model_validate({**told, "timeout_seconds": 10, **changed}))

    return of


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(ledger_file(tmp_path))


@pytest.fixture
def made(tmp_path: Path) -> Package:
    return package(tmp_path / "package", contents(5, 100_000))


def lying(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def sent(made: Package) -> dict[str, bytes]:
    """What is to arrive."""
    return {part.name: made.file(part).read_bytes() for part in made.parts}


def test_a_package_arrives_once(target: Target, places: Places, ledger: Ledger, made: Package) -> None:
    assert deliver(made, target(read_back=True), ledger, "run-1").sent == 5
    assert deliver(made, target(), ledger, "run-2").sent == 0
    assert lying(places.inbox) == sent(made)


def test_an_upload_that_is_cut_is_sent_again(
    target: Target, places: Places, ledger: Ledger, made: Package, script: Script
) -> None:
    script.replace([Fault("cut_upload", after=1, times=2)])
    deliver(made, target(connections=2), ledger, "run-1", pause=0.0)
    assert lying(places.inbox) == sent(made)


def test_files_that_are_moved_at_once_are_known_as_delivered(
    target: Target, places: Places, ledger: Ledger, made: Package, script: Script
) -> None:
    script.replace([Fault("moved_at_once")])
    deliver(made, target(moved_at_once=True), ledger, "run-1", pause=0.0)
    assert lying(places.inbox) == {}
    assert lying(places.taken) == sent(made)


def test_a_full_disk_fails_and_what_is_left_is_sent_later(
    target: Target, places: Places, ledger: Ledger, made: Package, script: Script
) -> None:
    script.replace([Fault("full_disk", after=2)])
    with pytest.raises(TargetError, match="full"):
        deliver(made, target(attempts=1, connections=1), ledger, "run-1", pause=0.0)
    script.replace([])
    assert deliver(made, target(), ledger, "run-2").sent == 3
    assert lying(places.inbox) == sent(made)


def test_where_renaming_is_refused_the_setting_without_it_delivers(
    target: Target, places: Places, ledger: Ledger, made: Package, script: Script
) -> None:
    script.replace([Fault("refused_rename")])
    with pytest.raises(TargetError, match="rename: false"):
        deliver(made, target(attempts=1), ledger, "run-1", pause=0.0)
    deliver(made, target(rename=False), ledger, "run-2", pause=0.0)
    assert lying(places.inbox) == sent(made)


def test_another_host_key_is_refused(target: Target, ledger: Ledger, made: Package) -> None:
    with pytest.raises(LoginError, match="SHA256:"):
        deliver(made, target(host_keys=["SHA256:" + "A" * 43]), ledger, "run-1", pause=0.0)
