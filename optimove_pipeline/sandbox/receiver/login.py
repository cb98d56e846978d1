"""Who is let in to the SFTP server: one user, by password or by key."""

import hmac
from dataclasses import dataclass, field

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)


@dataclass(frozen=True, slots=True)
class Account:
    """The user of the SFTP server; ``keys`` are public keys in SSH's own form."""

    username: str
    password: str = field(repr=False)
    keys: tuple[bytes, ...] = field(repr=False)


class Login(paramiko.ServerInterface):
    """The login of one connection. Beyond SFTP nothing is served: no shell, no forwarding."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def get_allowed_auths(self, username: str) -> str:
        """What a login may be made with."""
        return "publickey,password"

    def check_auth_password(self, username: str, password: str) -> int:
        """Whether the password is the user's."""
        right = hmac.compare_digest(password.encode(), self._account.password.encode())
        return AUTH_SUCCESSFUL if right and username == self._account.username else AUTH_FAILED

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Whether the key is one of the user's; that the client holds its private half is proven by then."""
        known = key.asbytes() in self._account.keys
        return AUTH_SUCCESSFUL if known and username == self._account.username else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Whether a channel may be opened."""
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
