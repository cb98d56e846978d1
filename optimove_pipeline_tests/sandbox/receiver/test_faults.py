"""Each fault of the SFTP server does what it says, for the files that are meant and for no other."""

import paramiko
import pytest

from optimove_pipeline.sandbox.faults import Fault, Script
from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.receiver.server import Receiver
from optimove_pipeline_tests.sandbox.receiver.connecting import client_of, write


def test_a_rename_is_refused(client: paramiko.SFTPClient, script: Script) -> None:
    script.replace([Fault("refused_rename", times=2)])
    write(client, "in/.a.tmp", b"a")
    with pytest.raises(PermissionError):
        client.rename("in/.a.tmp", "in/a")
    with pytest.raises(PermissionError):
        client.posix_rename("in/.a.tmp", "in/a")
    client.rename("in/.a.tmp", "in/a")
    assert client.listdir("in") == ["a"]


def test_an_upload_is_cut_and_the_next_one_is_not(receiver: Receiver, places: Places, script: Script) -> None:
    script.replace([Fault("cut_upload", times=1)])
    with client_of(receiver) as client, pytest.raises((OSError, EOFError, paramiko.SSHException)):
        write(client, "in/a", b"a" * 1000)
    assert (places.inbox / "a").read_bytes() == b"a" * 500
    with client_of(receiver) as client:
        write(client, "in/a", b"b" * 1000)
    assert (places.inbox / "a").read_bytes() == b"b" * 1000


def test_a_full_disk_takes_half_and_leaves_the_connection(
    client: paramiko.SFTPClient, places: Places, script: Script
) -> None:
    script.replace([Fault("full_disk", match={"name": "a"})])
    with pytest.raises(OSError, match="Failure"):
        write(client, "in/a", b"a" * 1000)
    write(client, "in/b", b"b" * 1000)
    assert {path.name: path.stat().st_size for path in places.inbox.iterdir()} == {"a": 500, "b": 1000}


def test_files_are_moved_as_soon_as_they_have_their_name(
    client: paramiko.SFTPClient, places: Places, script: Script
) -> None:
    script.replace([Fault("moved_at_once")])
    client.mkdir("in/Games")
    write(client, "in/.a.csv.tmp", b"a")
    assert client.listdir("in/Games") == []
    client.rename("in/.a.csv.tmp", "in/a.csv")
    write(client, "in/Games/b.csv", b"b")
    write(client, "test/b.csv", b"c")
    client.rename("test/b.csv", "test/c.csv")
    assert sorted(client.listdir("in")) == ["Games"]
    assert client.listdir("in/Games") == []
    assert client.listdir("test") == ["c.csv"]
    taken = {str(path.relative_to(places.taken)): path.read_bytes() for path in places.taken.rglob("*.csv")}
    assert taken == {"a.csv": b"a", "Games/b.csv": b"b"}


def test_faults_of_the_api_do_not_meet_files(client: paramiko.SFTPClient, script: Script) -> None:
    script.replace([Fault("http_500"), Fault("timeout", function="write")])
    write(client, "in/.a", b"a")
    client.rename("in/.a", "in/a")
    assert client.listdir("in") == ["a"]
    assert script.take("actions/GetAllActions", {}) == "http_500"


def test_faults_of_files_do_not_meet_the_api(script: Script) -> None:
    script.replace([Fault("full_disk"), Fault("refused_rename"), Fault("cut_upload"), Fault("moved_at_once")])
    assert script.take("actions/GetAllActions", {}) is None
