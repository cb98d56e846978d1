"""Packages delivered to a real SFTP server: whole, once, and under their final names only when they are."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pytest

from optimove_pipeline.ledger import Ledger, State
from optimove_pipeline.stages.deliver import deliver
from optimove_pipeline.targets.check import check
from optimove_pipeline.targets.errors import TargetError, UnreachableError
from optimove_pipeline.targets.files import FileSession, Layout
from optimove_pipeline.targets.sftp import SftpFiles
from optimove_pipeline.targets.target import Part
from optimove_pipeline_tests.servers.openssh import OpenSsh, openssh_folder, openssh_server
from optimove_pipeline_tests.servers.wire import wire
from optimove_pipeline_tests.targets.goods import contents, entries, held, named, package, part, states
from optimove_pipeline_tests.targets.sftp import sftp

SIZE = 400_000
"""More than one request."""


@pytest.fixture
def folder(ssh_server: OpenSsh, tmp_path: Path) -> Path:
    return ssh_server.root / tmp_path.name


def test_a_package_is_delivered_over_several_connections(
    ssh_server: OpenSsh, folder: Path, tmp_path: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents(6, SIZE))
    with wire(ssh_server.port) as laid:
        delivered = deliver(made, sftp(ssh_server, folder, port=laid.port, connections=3), ledger, "run-1")
    assert held(folder) == named(made)
    assert (delivered.sent, states(ledger, "optimove")) == (6, [State.DELIVERED] * 6)
    assert laid.connections == 3
    assert deliver(made, sftp(ssh_server, folder), ledger, "run-2").sent == 0


def test_the_start_folder_and_folders_below_it_are_found(
    ssh_server: OpenSsh, folder: Path, tmp_path: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents(1))
    relative = Path(folder.name) / "in"
    deliver(made, sftp(ssh_server, relative, manifest_folder="manifests"), ledger, "run-1")
    assert sorted(held(folder)) == [
        "in/Customers_20261120_001.csv.gz",
        "in/manifests/customers_20261120_manifest.json",
    ]


def test_an_empty_part_is_delivered(ssh_server: OpenSsh, folder: Path, tmp_path: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", [b""])
    deliver(made, sftp(ssh_server, folder, read_back=True), ledger, "run-1")
    assert held(folder) == named(made)


def test_a_connection_cut_within_a_part_is_made_anew(
    ssh_server: OpenSsh, folder: Path, tmp_path: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents(3, SIZE))
    with wire(ssh_server.port, cuts=3, cut_after=SIZE // 2) as laid:
        deliver(made, sftp(ssh_server, folder, port=laid.port, connections=2), ledger, "run-1", pause=0.01)
        assert laid.cuts == 0
    assert held(folder) == named(made)
    assert sum(entry.attempts for entry in entries(ledger, "optimove")) == 6


def test_a_connection_that_is_cut_too_often_fails_and_the_next_run_goes_on(
    ssh_server: OpenSsh, folder: Path, tmp_path: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", [b"small", *contents(2, SIZE)])
    with wire(ssh_server.port, cuts=100, cut_after=SIZE // 2) as laid:
        target = sftp(ssh_server, folder, port=laid.port, connections=1, attempts=2)
        with pytest.raises(UnreachableError, match=r"the connection was cut .*Customers_20261120_002"):
            deliver(made, target, ledger, "run-1", pause=0.01)
    assert states(ledger, "optimove") == [State.DELIVERED, State.FAILED, State.PLANNED]
    assert [name for name in held(folder) if not name.startswith(".")] == list(named(made))[:1]
    assert deliver(made, sftp(ssh_server, folder), ledger, "run-2").sent == 2
    assert held(folder) == named(made)


def test_a_server_that_falls_silent_is_given_up(
    ssh_server: OpenSsh, folder: Path, tmp_path: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents(1, 4_000_000))
    with wire(ssh_server.port, stall_after=100_000) as laid:
        target = sftp(ssh_server, folder, port=laid.port, attempts=1, timeout_seconds=0.5)
        with pytest.raises(UnreachableError, match=r"silent for 0\.5 s while we wanted to write"):
            deliver(made, target, ledger, "run-1")
        assert laid.stalled.is_set()
    assert states(ledger, "optimove") == [State.FAILED]


def test_something_else_of_that_name_is_never_overwritten(
    ssh_server: OpenSsh, folder: Path, tmp_path: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents(1))
    folder.mkdir()
    (folder / made.parts[0].name).write_bytes(b"of somebody else")
    with pytest.raises(TargetError, match="is there already with 16 bytes"):
        deliver(made, sftp(ssh_server, folder), ledger, "run-1")
    assert held(folder) == {made.parts[0].name: b"of somebody else"}


@pytest.mark.parametrize("denied", ["posix-rename", "rename"])
def test_a_file_that_appears_while_we_write_is_not_overwritten(denied: str, folder: Path, tmp_path: Path) -> None:
    made = part(package(tmp_path / "package", contents(1)))
    with openssh_folder() as place, openssh_server(place, subsystem=f"internal-sftp -P {denied}") as server:
        target = sftp(server, place / "root" / "in")
        with target.session() as session, pytest.raises(TargetError, match="can't rename"):
            session.send(made, lambda: _put(place / "root" / "in" / made.name))
        assert (place / "root" / "in" / made.name).read_bytes() == b"of somebody else"


def _put(file: Path) -> None:
    file.write_bytes(b"of somebody else")


def test_a_server_that_forbids_renaming_is_told_with_the_setting(tmp_path: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(2))
    with openssh_folder() as place, openssh_server(place, subsystem="internal-sftp -P rename,posix-rename") as server:
        with pytest.raises(TargetError, match="set `rename: false`"):
            deliver(made, sftp(server, place / "root"), ledger, "run-1")
        assert held(place / "root") == {}
        deliver(made, sftp(server, place / "root", rename=False), ledger, "run-2")
        assert held(place / "root") == named(made)


def test_a_full_disk_leaves_no_part_and_says_so(tmp_path: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(1, 3_000_000))
    with openssh_folder() as place, openssh_server(place, largest_file=1_000_000) as server:
        with pytest.raises(TargetError, match=r"Is the disk or the quota there full\?"):
            deliver(made, sftp(server, place / "root"), ledger, "run-1")
        assert held(place / "root") == {}
    assert states(ledger, "optimove") == [State.FAILED]


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(1))
    refusal = r"can't write .*: give the user the right to do so in that folder"
    with openssh_folder() as place, openssh_server(place, subsystem="internal-sftp -R") as server:
        target = sftp(server, place / "root")
        with pytest.raises(TargetError, match=refusal):
            deliver(made, target, ledger, "run-1")


def test_what_may_not_be_read_is_not_taken_for_ours_by_its_size_alone(tmp_path: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(2))
    with openssh_folder() as place, openssh_server(place, subsystem="internal-sftp -P read") as server:
        foreign = place / "root" / made.parts[1].name
        foreign.write_bytes(b"x" * made.parts[1].bytes)
        with pytest.raises(TargetError, match="which we may not read"):
            deliver(made, sftp(server, place / "root", connections=1), ledger, "run-1")
        foreign.unlink()
        with pytest.raises(TargetError, match="set `read_back: false`"):
            deliver(made, sftp(server, place / "root", read_back=True), ledger, "run-2")
        deliver(made, sftp(server, place / "root"), ledger, "run-3")
        assert held(place / "root") == named(made)


def test_temporary_files_that_earlier_runs_left_are_removed(
    ssh_server: OpenSsh, folder: Path, tmp_path: Path, ledger: Ledger
) -> None:
    folder.mkdir()
    left = {
        ".Old_001.csv.gz.0123456789ab.optimove-partial": 2 * 86_400,
        ".Young_001.csv.gz.0123456789ab.optimove-partial": 3600,
        ".of-somebody-else.partial": 2 * 86_400,
    }
    for name, age in left.items():
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    made = package(tmp_path / "package", contents(1))
    deliver(made, sftp(ssh_server, folder), ledger, "run-1")
    assert sorted(held(folder)) == sorted([*list(left)[1:], made.parts[0].name])


def test_parts_are_written_into_the_temporary_folder_first(ssh_server: OpenSsh, folder: Path, tmp_path: Path) -> None:
    made = part(package(tmp_path / "package", contents(1)))
    target = sftp(ssh_server, folder / "in", temporary_folder=str(folder / "work"))
    seen: list[str] = []
    with target.session() as session:
        session.send(made, lambda: seen.extend(held(folder)))
    assert [str(PurePosixPath(name).parent) for name in seen] == ["work"]
    assert list(held(folder)) == [f"in/{made.name}"]


@dataclass(frozen=True, slots=True)
class Meddling:
    """Real files of a server; ``meddle`` is done to each after it was written."""

    files: SftpFiles
    root: Path
    meddle: Callable[[Path], object]
    written: list[Path] = field(default_factory=list)

    def __getattr__(self, name: str) -> object:
        return getattr(self.files, name)

    def write(self, part: Part, path: PurePosixPath) -> None:
        self.files.write(part, path)
        self.meddle(Path(path))


def meddled(session: FileSession, layout: Layout, meddle: Callable[[Path], object]) -> FileSession:
    assert isinstance(session.files, SftpFiles)
    return FileSession(Meddling(session.files, Path(layout.folder), meddle), layout, "target optimove")  # type: ignore[arg-type]


def test_a_part_taken_at_once_is_delivered_where_that_is_expected(
    ssh_server: OpenSsh, folder: Path, tmp_path: Path
) -> None:
    made = part(package(tmp_path / "package", contents(1)))
    for moved_at_once in (True, False):
        layout = Layout(PurePosixPath(folder), rename=False, moved_at_once=moved_at_once)
        with sftp(ssh_server, folder).session() as session:
            taken = meddled(session, layout, Path.unlink)
            if moved_at_once:
                taken.send(made, lambda: None)
            else:
                with pytest.raises(TargetError, match=r"nothing after writing.*moved_at_once: true"):
                    taken.send(made, lambda: None)
    assert held(folder) == {}


def test_reading_back_finds_what_the_size_does_not_tell(ssh_server: OpenSsh, folder: Path, tmp_path: Path) -> None:
    made = part(package(tmp_path / "package", contents(1)))

    def flip(file: Path) -> None:
        file.write_bytes(b"\0" * file.stat().st_size)

    with sftp(ssh_server, folder).session() as session:
        with pytest.raises(TargetError, match="expected SHA-256"):
            meddled(session, Layout(PurePosixPath(folder), read_back=True), flip).send(made, lambda: None)
        assert held(folder) == {}
        meddled(session, Layout(PurePosixPath(folder)), flip).send(made, lambda: None)
    assert list(held(folder)) == [made.name]


def test_a_broken_part_of_ours_under_its_final_name_is_replaced(
    ssh_server: OpenSsh, folder: Path, tmp_path: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents(1, SIZE))
    with wire(ssh_server.port, cuts=1, cut_after=SIZE // 2) as laid:
        target = sftp(ssh_server, folder, port=laid.port, rename=False)
        deliver(made, target, ledger, "run-1", pause=0.01)
        assert laid.cuts == 0
    assert held(folder) == named(made)


def test_a_check_goes_the_way_of_a_part(ssh_server: OpenSsh, folder: Path) -> None:
    steps = check(sftp(ssh_server, folder))
    assert [step.step for step in steps] == ["connect", "write", "rename", "read back", "delete"]
    assert all(step.passed for step in steps)
    assert held(folder) == {}
    assert [step.step for step in check(sftp(ssh_server, folder, rename=False))] == [
        "connect",
        "write",
        "read back",
        "delete",
    ]


def test_a_check_of_an_unknown_server_ends_with_its_fingerprint(ssh_server: OpenSsh, folder: Path) -> None:
    (only,) = check(sftp(ssh_server, folder, host_keys=[]))
    assert (only.step, only.passed) == ("connect", False)
    assert ssh_server.fingerprint in only.fix
