"""Connecting to an SSH server: its host key pinned, our credential revealed for the moment of the login."""

from __future__ import annotations

import base64
import hashlib
import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.secrets import expand, reveal
from optimove_pipeline.targets.errors import LoginError, UnreachableError
from optimove_pipeline.targets.kinds.sftp import SftpSettings

_FASTEST = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
_KEEPALIVE_SECONDS = 15
_AnyKey = Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey
_KINDS: dict[type[_AnyKey], type[paramiko.PKey]] = {
    Ed25519PrivateKey: paramiko.Ed25519Key,
    RSAPrivateKey: paramiko.RSAKey,
    EllipticCurvePrivateKey: paramiko.ECDSAKey,
}


@contextmanager
def connection(name: str, settings: SftpSettings) -> Iterator[paramiko.Transport]:
    """Yield a connection that is logged in.

    Raises:
        LoginError: the host key is not pinned, or the login is refused.
        UnreachableError: nobody answers, or not in time.
        SettingsError: a secret or the key file is missing, or is no key.
    """
    label = f"target {name}: {settings.host} port {settings.port}"
    key = _private_key(name, settings)
    transport = paramiko.Transport(_connected(label, settings))
    try:
        with _told(label):
            _greet(transport, settings)
            _check_host_key(label, name, settings, transport.get_remote_server_key())
            _log_in(label, settings, transport, key)
        yield transport
    finally:
        transport.close()


def _connected(label: str, settings: SftpSettings) -> socket.socket:
    try:
        opened = socket.create_connection((settings.host, settings.port), settings.timeout_seconds)
    except OSError as error:
        raise UnreachableError(
            f"{label}: {error.strerror or error}; check host, port and network, and whether the server allows this "
            "machine's address"
        ) from error
    # Without it small packets wait for the answer to the packet before: about 1 MB/s.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        # A peer that has stopped reading is otherwise waited for by the kernel, a quarter of an hour.
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(settings.timeout_seconds * 1000))
    return opened


def _greet(transport: paramiko.Transport, settings: SftpSettings) -> None:
    """Agree on ciphers and host key; AES-GCM costs the least, so it is asked for first."""
    options = transport.get_security_options()
    options.ciphers = (*_FASTEST, *(cipher for cipher in options.ciphers if cipher not in _FASTEST))
    pinned = [line.split()[-2] for line in map(_without_comment, settings.host_keys) if " " in line]
    known = [
        kind for kind in options.key_types if kind in pinned or (kind.startswith("rsa-") and "ssh-rsa" in pinned)
    ]
    if len(pinned) == len(settings.host_keys) and known:
        # A server may have several host keys and shows the first that we take.
        options.key_types = known
    transport.banner_timeout = transport.auth_timeout = settings.timeout_seconds
    transport.start_client(timeout=settings.timeout_seconds)
    transport.set_keepalive(_KEEPALIVE_SECONDS)


def _check_host_key(label: str, name: str, settings: SftpSettings, key: paramiko.PKey) -> None:
    shown = _fingerprint(key.asbytes())
    pinned = {_pinned_fingerprint(text) for text in settings.host_keys}
    if shown in pinned:
        return
    known = f"{len(pinned)} other keys are pinned" if pinned else "none is pinned"
    changed = "Someone may stand between you and the server. " if pinned else ""
    raise LoginError(
        f"{label} shows the host key {shown} ({key.get_name()}), but {known}, so nothing was sent. {changed}"
        f"Compare it with the fingerprint that the server's owner gives you, and only if it is the same add it: "
        f"targets.{name}.host_keys: ['{shown}']"
    )


def _pinned_fingerprint(text: str) -> str:
    line = _without_comment(text)
    return _fingerprint(base64.b64decode(line.split()[-1])) if " " in line else line


def _without_comment(text: str) -> str:
    """Return a known_hosts line up to its key: type and key are the first two words of which the first is a type."""
    words = text.split()
    at = next((at for at, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-", "sk-"))), None)
    return text if at is None else " ".join(words[at : at + 2])


def _fingerprint(key: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")


def _log_in(label: str, settings: SftpSettings, transport: paramiko.Transport, key: paramiko.PKey | None) -> None:
    username = expand(settings.username)
    try:
        if key is not None:
            transport.auth_publickey(username, key)
        elif settings.password is not None:
            transport.auth_password(username, reveal(settings.password))
    except paramiko.AuthenticationException as error:
        offered = f"key {_fingerprint(key.asbytes())}" if key else "password"
        allowed = getattr(error, "allowed_types", None)
        takes = f"; the server takes {', '.join(allowed)}" if allowed else ""
        if not transport.is_active() or "timeout" in str(error).lower():
            # The library says so of a server that went away during the login, too.
            raise UnreachableError(f"{label}: the connection ended during the login: {error}") from error
        raise LoginError(
            f"{label}: the login of user {username} by {offered} is refused{takes}. Check user and "
            f"{offered.split()[0]}, and whether it has expired"
        ) from error


def _private_key(name: str, settings: SftpSettings) -> paramiko.PKey | None:
    if settings.key is None and settings.key_file is None:
        return None
    setting = f"targets.{name}.{'key' if settings.key else 'key_file'}"
    text = reveal(settings.key) if settings.key else _read(setting, settings.key_file)
    passphrase = reveal(settings.passphrase).encode() if settings.passphrase else None
    key = _loaded(setting, name, text.encode(), passphrase)
    opened = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    kind = next(kind for of, kind in _KINDS.items() if isinstance(key, of))
    return kind.from_private_key(io.StringIO(opened))


def _loaded(setting: str, name: str, text: bytes, passphrase: bytes | None) -> _AnyKey:
    """Return the private key in a text. The library's own messages may quote the text, so none is passed on."""
    load = load_ssh_private_key if b"BEGIN OPENSSH" in text else load_pem_private_key
    try:
        key = load(text, passphrase)
    except TypeError:
        has, to_do = ("no", "leave out") if passphrase else ("a", "give")
        wrong = f"the private key has {has} passphrase: {to_do} targets.{name}.passphrase"
        raise SettingsError(f"{setting}: {wrong}") from None
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, _AnyKey):
        return key
    fitting = ", whose passphrase is the one given" if passphrase else ""
    raise SettingsError(
        f"{setting}: expected a private key of type Ed25519, RSA or ECDSA in OpenSSH's or PEM format{fitting}"
    )


def _read(setting: str, file: Path | None) -> str:
    try:
        return Path(file or "").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{setting}: {file} can't be read as a private key: {error}") from None


@contextmanager
def _told(label: str) -> Iterator[None]:
    try:
        yield
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise UnreachableError(
            f"{label}: the connection ended before the login: {error!r}; check that an SSH server answers there"
        ) from error
