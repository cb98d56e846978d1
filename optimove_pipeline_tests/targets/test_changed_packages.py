"""A package that is made anew before the old one was delivered whole: what becomes of either."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from optimove_pipeline.errors import PartitionError
from optimove_pipeline.ledger import Entry, Ledger, State
from optimove_pipeline.packages import Package, build_folder
from optimove_pipeline.stages.deliver import deliver
from optimove_pipeline.stages.planned_files import planned_files
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.target import Part, Target
from optimove_pipeline_tests.servers.openssh import OpenSsh
from optimove_pipeline_tests.targets.goods import contents, entries, held, named, package, part, states
from optimove_pipeline_tests.targets.opened import opened
from optimove_pipeline_tests.targets.sftp import settings

MANIFEST = "manifests/customers_20261120_manifest.json"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def local(tmp_path: Path, **settings: object) -> Target:
    return opened("share", {"kind": "local", **settings}, tmp_path)


def fail_at(name: str, made: Package, target: Target, ledger: Ledger, outbox: Path, **asked: str) -> None:
    """Deliver a package of which the file ``name`` is in the way, and take it away again."""
    way = outbox / name
    way.parent.mkdir(parents=True, exist_ok=True)
    way.write_text("in the way")
    with pytest.raises(TargetError, match="nothing is ever overwritten"):
        deliver(made, target, ledger, "run-1", **asked)  # type: ignore[arg-type] # both that are asked are texts
    way.unlink()


def begun(made: Package, target: Target, ledger: Ledger) -> list[Entry]:
    """Record that sending each file of a package was begun, as where a process was killed."""
    planned = ledger.plan(planned_files(made, target, 1, "killed", None))
    return [ledger.begin(entry, "killed") for entry in planned]


def show(made: Package, target: Target, number: int) -> None:
    """Send a part without a record of its last step."""
    with target.session() as session:
        own = part(made, number)
        session.send(own, lambda: None)


def leave_waiting(made: Package, target: Target, number: int) -> None:
    """Send a part but for its last step."""

    class Killed(Exception):
        pass

    def stop() -> None:
        raise Killed

    with target.session() as session, pytest.raises(Killed):
        session.send(part(made, number), stop)


def test_a_manifest_that_is_left_is_sent_as_it_is_now(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents())
    target = local(tmp_path, manifest_folder="manifests")
    fail_at(MANIFEST, made, target, ledger, outbox)
    assert states(ledger, "share") == [State.DELIVERED] * 3 + [State.FAILED]
    made.manifest.write_text("made anew")
    assert deliver(made, target, ledger, "run-2").sent == 1
    assert held(outbox) == {**named(made), MANIFEST: b"made anew"}
    assert [entry.run_id for entry in entries(ledger, "share")] == ["run-1"] * 3 + ["run-2"]


def test_a_manifest_that_was_shown_before_the_kill_stays(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents())
    target = local(tmp_path, manifest_folder="manifests")
    *parts, manifest = begun(made, target, ledger)
    for number, entry in enumerate(parts, 1):
        show(made, target, number)
        ledger.deliver(entry)
    ledger.verify(manifest)
    with target.session() as session:
        session.send(Part(made.manifest, manifest.name, 0, manifest.bytes, manifest.sha256), lambda: None)
    old = made.manifest.read_bytes()
    made.manifest.write_text("made anew")
    assert deliver(made, target, ledger, "run-2").sent == 0
    assert held(outbox) == {**named(made), MANIFEST: old}


def test_a_half_sent_package_is_ended_before_the_changed_one_needs_a_reason(
    tmp_path: Path, outbox: Path, ledger: Ledger
) -> None:
    old = package(tmp_path / "package", contents(seed=1))
    fail_at(old.parts[1].name, old, local(tmp_path), ledger, outbox)
    assert State.DELIVERED in states(ledger, "share")
    new = package(tmp_path / "package", contents(2, seed=2))
    with pytest.raises(PartitionError, match="3 of 3 files were delivered to share"):
        deliver(new, local(tmp_path), ledger, "run-2")
    assert held(outbox) == named(old)
    again = deliver(new, local(tmp_path), ledger, "run-3", redeliver="late rows")
    assert (again.version, again.sent, len(held(outbox))) == (2, 2, 5)


def test_the_manifest_of_a_half_sent_package_is_sent_after_its_parts(
    tmp_path: Path, outbox: Path, ledger: Ledger
) -> None:
    target = local(tmp_path, manifest_folder="manifests")
    old = package(tmp_path / "package", contents(seed=1))
    manifest = old.manifest.read_bytes()
    fail_at(old.parts[1].name, old, target, ledger, outbox)
    new = package(tmp_path / "package", contents(2, seed=2))
    with pytest.raises(PartitionError, match="4 of 4 files were delivered to share"):
        deliver(new, target, ledger, "run-2")
    assert held(outbox) == {**named(old), MANIFEST: manifest}
    assert new.manifest.read_bytes() != manifest


@pytest.mark.parametrize("damaged", [False, True])
def test_a_half_sent_package_that_is_gone_is_left_as_it_is(
    damaged: bool, tmp_path: Path, outbox: Path, ledger: Ledger
) -> None:
    old = package(tmp_path / "package", contents(seed=1))
    fail_at(old.parts[1].name, old, local(tmp_path), ledger, outbox)
    before = held(outbox)
    new = package(tmp_path / "package", contents(2, seed=2))
    if damaged:
        old.file(old.parts[1]).write_bytes(b"x" * old.parts[1].bytes)
    else:
        shutil.rmtree(build_folder(old.folder, old.source))
    with pytest.raises(PartitionError, match="1 of 3 files were delivered to share"):
        deliver(new, local(tmp_path), ledger, "run-2")
    assert held(outbox) == before


def test_a_package_that_was_begun_and_never_shown_is_replaced(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    old = package(tmp_path / "package", contents(2, seed=1))
    first, _ = begun(old, local(tmp_path), ledger)
    leave_waiting(old, local(tmp_path), 1)
    ledger.verify(first)
    new = package(tmp_path / "package", contents(2, seed=2))
    assert deliver(new, local(tmp_path), ledger, "run-2").version == 1
    shown = {name: content for name, content in held(outbox).items() if not name.startswith(".")}
    assert shown == named(new)


def test_a_part_that_was_shown_before_the_kill_counts_as_delivered(
    tmp_path: Path, outbox: Path, ledger: Ledger
) -> None:
    old = package(tmp_path / "package", contents(2, seed=1))
    first, _ = begun(old, local(tmp_path), ledger)
    show(old, local(tmp_path), 1)
    ledger.verify(first)
    new = package(tmp_path / "package", contents(2, seed=2))
    with pytest.raises(PartitionError, match="2 of 2 files were delivered"):
        deliver(new, local(tmp_path), ledger, "run-2")
    assert held(outbox) == named(old)


def test_a_verified_part_that_is_gone_was_taken_by_the_receiver(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    old = package(tmp_path / "package", contents(2, seed=1))
    first, _ = begun(old, local(tmp_path), ledger)
    ledger.verify(first)
    new = package(tmp_path / "package", contents(2, seed=2))
    with pytest.raises(PartitionError, match="2 of 2 files were delivered"):
        deliver(new, local(tmp_path), ledger, "run-2")
    assert list(held(outbox)) == [old.parts[1].name]


def test_a_redelivery_whose_package_changes_before_it_is_sent_keeps_its_reason(
    tmp_path: Path, outbox: Path, ledger: Ledger
) -> None:
    old = package(tmp_path / "package", contents(1, seed=1))
    deliver(old, local(tmp_path), ledger, "run-1")
    fail_at("Customers_20261120_001_v2.csv.gz", old, local(tmp_path), ledger, outbox, redeliver="wrong consents")
    new = package(tmp_path / "package", contents(1, seed=2))
    assert deliver(new, local(tmp_path), ledger, "run-2").version == 2
    assert [entry.reason for entry in entries(ledger, "share")] == ["wrong consents"]
    assert held(outbox)["Customers_20261120_001_v2.csv.gz"] == contents(1, seed=2)[0]


def test_a_half_sent_redelivery_is_ended_under_its_own_names(tmp_path: Path, outbox: Path, ledger: Ledger) -> None:
    old = package(tmp_path / "package", contents(2, seed=1))
    deliver(old, local(tmp_path), ledger, "run-1")
    fail_at("Customers_20261120_002_v2.csv.gz", old, local(tmp_path), ledger, outbox, redeliver="lost")
    new = package(tmp_path / "package", contents(2, seed=2))
    with pytest.raises(PartitionError, match="2 of 2 files were delivered"):
        deliver(new, local(tmp_path), ledger, "run-2")
    assert held(outbox)["Customers_20261120_002_v2.csv.gz"] == contents(2, seed=1)[1]


def test_a_package_begun_under_its_final_names_is_not_replaced(
    tmp_path: Path, ssh_server: OpenSsh, ledger: Ledger
) -> None:
    folder = ssh_server.root / tmp_path.name
    target = opened("share", settings(ssh_server, folder, rename=False), tmp_path)
    old = package(tmp_path / "package", contents(2, seed=1))
    begun(old, target, ledger)
    new = package(tmp_path / "package", contents(2, seed=2))
    with pytest.raises(PartitionError, match="2 of 2 files were delivered"):
        deliver(new, target, ledger, "run-2")
    assert held(folder) == named(old)
