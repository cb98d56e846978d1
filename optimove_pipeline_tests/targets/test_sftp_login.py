"""Connecting to an SFTP server: the host key is pinned, and a refusal says what to change, but no secret."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.targets.errors import LoginError, UnreachableError
from optimove_pipeline.targets.ssh import connection
from optimove_pipeline_tests.servers.openssh import OpenSsh, fingerprint, make_key, openssh_folder, openssh_server
from optimove_pipeline_tests.targets.sftp import sftp

PASSWORD = "correct horse"
ANOTHER_KEY = "SHA256:" + "A" * 43


def log_in(server: OpenSsh, folder: Path, **changed: object) -> str:
    """Return the cipher of a connection that is logged in."""
    with connection("optimove", sftp(server, folder, **changed).settings) as transport:
        assert transport.is_authenticated()
        return str(vars(transport)["remote_cipher"])


def refusal(server: OpenSsh, folder: Path, error: type[Exception], **changed: object) -> str:
    with pytest.raises(error) as caught:
        log_in(server, folder, **changed)
    return str(caught.value)


@pytest.fixture(scope="module")
def with_password() -> Iterator[OpenSsh]:
    with openssh_folder() as place, openssh_server(place, password=PASSWORD) as running:
        yield running


def test_a_key_logs_in_and_the_fastest_cipher_is_used(ssh_server: OpenSsh, tmp_path: Path) -> None:
    assert log_in(ssh_server, tmp_path) == "aes128-gcm@openssh.com"


def test_a_line_of_known_hosts_pins_the_host_key(ssh_server: OpenSsh, tmp_path: Path) -> None:
    key = ssh_server.host_key.read_text().strip()
    for line in (key, f"[sftp.example.com]:2222 {key}", " ".join(key.split()[:2])):
        assert log_in(ssh_server, tmp_path, host_keys=[ANOTHER_KEY, line])
        assert log_in(ssh_server, tmp_path, host_keys=[line])


def test_an_unknown_host_key_is_refused_with_its_fingerprint_and_the_setting(
    ssh_server: OpenSsh, tmp_path: Path
) -> None:
    told = refusal(ssh_server, tmp_path, LoginError, host_keys=[])
    assert f"127.0.0.1 port {ssh_server.port} shows the host key {ssh_server.fingerprint} (ssh-ed25519)" in told
    assert f"targets.optimove.host_keys: ['{ssh_server.fingerprint}']" in told


def test_a_changed_host_key_is_refused_with_a_warning(ssh_server: OpenSsh, tmp_path: Path) -> None:
    told = refusal(ssh_server, tmp_path, LoginError, host_keys=[ANOTHER_KEY])
    assert "1 other keys are pinned, so nothing was sent. Someone may stand between" in told
    assert ssh_server.fingerprint in told


def test_an_unknown_key_is_refused_by_its_fingerprint(ssh_server: OpenSsh, tmp_path: Path) -> None:
    make_key(tmp_path / "other")
    told = refusal(ssh_server, tmp_path, LoginError, key_file=str(tmp_path / "other"))
    assert f"by key {fingerprint(tmp_path / 'other.pub')} is refused" in told


def test_a_password_logs_in(with_password: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFTP_PASSWORD", PASSWORD)
    monkeypatch.setenv("SFTP_USER", with_password.user)
    assert log_in(with_password, tmp_path, key_file=None, password="${SFTP_PASSWORD}", username="${SFTP_USER}")


def test_a_wrong_password_is_refused_and_not_repeated(
    with_password: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFTP_PASSWORD", "battery staple")
    told = refusal(with_password, tmp_path, LoginError, key_file=None, password="${SFTP_PASSWORD}")
    assert "the login of user courier by password is refused" in told
    assert "battery" not in told


def test_a_password_that_is_not_set_is_named(
    ssh_server: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SFTP_PASSWORD", raising=False)
    told = refusal(ssh_server, tmp_path, SettingsError, key_file=None, password="${SFTP_PASSWORD}")
    assert "SFTP_PASSWORD is not set" in told


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_key_with_a_passphrase_logs_in(
    kind: str, ssh_server: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key(tmp_path / "key", kind, "open sesame")
    with _authorized(ssh_server, tmp_path / "key.pub"):
        monkeypatch.setenv("SFTP_PASSPHRASE", "open sesame")
        monkeypatch.setenv("SFTP_KEY", (tmp_path / "key").read_text())
        assert log_in(ssh_server, tmp_path, key_file=str(tmp_path / "key"), passphrase="${SFTP_PASSPHRASE}")
        assert log_in(ssh_server, tmp_path, key_file=None, key="${SFTP_KEY}", passphrase="${SFTP_PASSPHRASE}")


class _authorized:  # noqa: N801 - reads as the context that it is
    """Adds a public key to those that the server lets in."""

    def __init__(self, server: OpenSsh, public_key: Path) -> None:
        self._file = server.key.with_name("authorized_keys")
        self._public_key = public_key

    def __enter__(self) -> None:
        shutil.copy(self._file, self._public_key.with_name("saved"))
        with self._file.open("a") as file:
            file.write(self._public_key.read_text())

    def __exit__(self, *_: object) -> None:
        shutil.copy(self._public_key.with_name("saved"), self._file)


def test_a_key_without_its_passphrase_names_the_setting(ssh_server: OpenSsh, tmp_path: Path) -> None:
    make_key(tmp_path / "key", passphrase="open sesame")
    told = refusal(ssh_server, tmp_path, SettingsError, key_file=str(tmp_path / "key"))
    assert told.endswith("the private key has a passphrase: give targets.optimove.passphrase")


def test_a_passphrase_for_a_key_without_one_names_the_setting(
    ssh_server: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SFTP_PASSPHRASE", "open sesame")
    told = refusal(ssh_server, tmp_path, SettingsError, passphrase="${SFTP_PASSPHRASE}")
    assert told.endswith("the private key has no passphrase: leave out targets.optimove.passphrase")


def test_a_wrong_passphrase_is_told_and_not_repeated(
    ssh_server: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_key(tmp_path / "key", passphrase="open sesame")
    monkeypatch.setenv("SFTP_PASSPHRASE", "abracadabra")
    told = refusal(
        ssh_server, tmp_path, SettingsError, key_file=str(tmp_path / "key"), passphrase="${SFTP_PASSPHRASE}"
    )
    assert "whose passphrase is the one given" in told
    assert "abracadabra" not in told


def test_what_is_no_key_is_not_repeated(ssh_server: OpenSsh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SFTP_KEY", "hunter2")
    told = refusal(ssh_server, tmp_path, SettingsError, key_file=None, key="${SFTP_KEY}")
    assert told == (
        "targets.optimove.key: expected a private key of type Ed25519, RSA or ECDSA in OpenSSH's or PEM format"
    )
    told = refusal(ssh_server, tmp_path, SettingsError, key_file=str(tmp_path / "gone"))
    assert "targets.optimove.key_file" in told


def test_nobody_listening_is_told_with_host_and_port(ssh_server: OpenSsh, tmp_path: Path) -> None:
    told = refusal(ssh_server, tmp_path, UnreachableError, port=1)
    assert told.startswith("target optimove: 127.0.0.1 port 1: Connection refused; check host, port and network")
