"""The SFTP server lets in who may come in, shows its own files only, and renames as OpenSSH's server does."""

import os
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import paramiko
import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.receiver.server import Receiver, ReceiverOptions, running_receiver
from optimove_pipeline_tests.sandbox.receiver.connecting import PASSWORD, client_of, system_sftp, transport_to, write


def test_what_is_uploaded_lies_in_the_inbox_and_can_be_read_back(client: paramiko.SFTPClient, places: Places) -> None:
    content = os.urandom(300_000)
    write(client, "in/a.csv.gz", content)
    assert (places.inbox / "a.csv.gz").read_bytes() == content
    assert client.stat("in/a.csv.gz").st_size == len(content)
    with client.open("in/a.csv.gz", "rb") as file:
        file.prefetch()
        assert file.read() == content


def test_the_key_that_the_sandbox_made_is_let_in(receiver: Receiver) -> None:
    with transport_to(receiver) as transport:
        transport.auth_publickey(receiver.username, paramiko.ECDSAKey.from_private_key_file(receiver.key_file))
        assert transport.is_authenticated()


def test_a_further_public_key_is_let_in(places: Places) -> None:
    key = paramiko.RSAKey.generate(2048)
    line = f"{key.get_name()} {key.get_base64()} me@home"
    with running_receiver(places, ReceiverOptions(public_key=line)) as receiver, transport_to(receiver) as transport:
        transport.auth_publickey(receiver.username, key)
        assert transport.is_authenticated()


@pytest.mark.parametrize(("username", "password"), [("sandbox", "wrong"), ("sandbox", ""), ("root", PASSWORD)])
def test_a_wrong_password_or_user_is_refused(receiver: Receiver, username: str, password: str) -> None:
    with transport_to(receiver) as transport, pytest.raises(paramiko.AuthenticationException):
        transport.auth_password(username, password)


def test_a_wrong_key_is_refused_and_so_is_none(receiver: Receiver) -> None:
    with transport_to(receiver) as transport:
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_publickey(receiver.username, paramiko.ECDSAKey.generate())
        with pytest.raises(paramiko.BadAuthenticationType):
            transport.auth_none(receiver.username)


def test_nothing_but_sftp_is_served(receiver: Receiver) -> None:
    with transport_to(receiver) as transport:
        transport.auth_password(receiver.username, PASSWORD)
        session = transport.open_session(timeout=10)
        with pytest.raises(paramiko.SSHException):
            session.exec_command("id")
        for kind in ("direct-tcpip", "unheard-of"):
            with pytest.raises(paramiko.ChannelException):
                transport.open_channel(kind, ("127.0.0.1", 22), ("127.0.0.1", 1), timeout=10)


def test_the_host_key_is_made_once_and_its_fingerprint_is_told(places: Places) -> None:
    told = set()
    for _ in range(2):
        with running_receiver(places, ReceiverOptions()) as receiver, transport_to(receiver) as transport:
            told |= {receiver.host_key, transport.get_remote_server_key().fingerprint}
    shown = subprocess.run(["ssh-keygen", "-lf", str(places.host_key)], check=True, capture_output=True, text=True)
    assert told == {shown.stdout.split()[1]}
    assert places.host_key.stat().st_mode & 0o077 == 0


def test_a_rename_never_replaces_a_file_except_by_openssh_s_extension(
    client: paramiko.SFTPClient, places: Places
) -> None:
    write(client, "in/old", b"old")
    write(client, "in/new", b"new")
    with pytest.raises(OSError, match="Failure"):
        client.rename("in/new", "in/old")
    assert ((places.inbox / "old").read_bytes(), (places.inbox / "new").read_bytes()) == (b"old", b"new")
    client.posix_rename("in/new", "in/old")
    assert client.listdir("in") == ["old"]
    assert (places.inbox / "old").read_bytes() == b"new"
    client.rename("in/old", "in/final")
    assert client.listdir("in") == ["final"]
    with pytest.raises(FileNotFoundError):
        client.rename("in/nothing", "in/else")


def test_folders_are_made_renamed_and_removed(client: paramiko.SFTPClient) -> None:
    client.mkdir("in/Customers")
    client.mkdir("in/Games")
    with pytest.raises(OSError, match="Failure"):
        client.rename("in/Games", "in/Customers")
    client.rename("in/Games", "in/Events")
    client.rmdir("in/Customers")
    assert client.listdir("in") == ["Events"]


def test_no_path_leads_out(client: paramiko.SFTPClient, places: Places, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (places.sftp_root / "link").symlink_to(tmp_path)
    assert sorted(client.listdir("../../..")) == ["in", "link", "test"]
    assert client.normalize("../../secret") == "/secret"
    for path in ("../../secret", "in/../../../secret", "/../secret"):
        with pytest.raises(FileNotFoundError):
            client.stat(path)
    with pytest.raises(PermissionError):
        client.stat("link/secret")
    with pytest.raises(PermissionError):
        client.rename("in", "link/in")
    with pytest.raises(OSError, match="unsupported"):
        client.symlink("/etc", "in/etc")
    write(client, "../../../outside.csv", b"inside")
    assert (places.sftp_root / "outside.csv").read_bytes() == b"inside"


def test_eight_uploads_at_once_arrive_whole(receiver: Receiver, places: Places) -> None:
    contents = {f"part{number}.csv.gz": os.urandom(200_000 + number) for number in range(8)}

    def upload(name: str) -> None:
        with client_of(receiver) as client:
            write(client, f"in/.{name}.tmp", contents[name])
            client.rename(f"in/.{name}.tmp", f"in/{name}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(upload, contents))
    assert {path.name: path.read_bytes() for path in places.inbox.iterdir()} == contents


def test_the_system_s_sftp_uploads_renames_and_is_refused_to_overwrite(receiver: Receiver, places: Places) -> None:
    content = os.urandom(2_000_000)
    (source := places.folder / "source").write_bytes(content)
    done = system_sftp(
        receiver,
        places.host_key,
        f"put {source} in/.a.tmp",
        "rename in/.a.tmp in/a.csv.gz",
        "chmod 600 in/a.csv.gz",
        f"get in/a.csv.gz {places.folder}/back",
        "ls -l in",
    )
    assert done.returncode == 0, done.stderr
    assert "a.csv.gz" in done.stdout
    assert (places.folder / "back").read_bytes() == content
    again = system_sftp(receiver, places.host_key, f"put {source} in/b", "rename in/b in/a.csv.gz")
    assert again.returncode == 1
    assert sorted(path.name for path in places.inbox.iterdir()) == ["a.csv.gz", "b"]


def test_the_end_closes_the_port_and_cuts_the_connections(places: Places) -> None:
    with running_receiver(places, ReceiverOptions()) as receiver:
        lasting = client_of(receiver)
        client = lasting.__enter__()
        client.listdir(".")
    with pytest.raises((OSError, EOFError, paramiko.SSHException)):
        client.listdir(".")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((receiver.host, receiver.port), 5)
    lasting.__exit__(None, None, None)


def test_whoever_says_nothing_keeps_nobody_waiting(receiver: Receiver) -> None:
    with socket.create_connection((receiver.host, receiver.port), 5), client_of(receiver) as client:
        assert sorted(client.listdir(".")) == ["in", "test"]


def test_a_taken_port_is_a_settings_error_that_names_it(places: Places) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(SettingsError, match=f"sftp_port: 127.0.0.1:{port}"),
            running_receiver(places, ReceiverOptions(port=port)),
        ):
            pass
