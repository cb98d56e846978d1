"""The SFTP server of the sandbox: it runs in threads of the process that starts it."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import paramiko

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sandbox.places import INBOX, Places
from optimove_pipeline.sandbox.receiver.files import Files, Shelf, Take
from optimove_pipeline.sandbox.receiver.keys import fingerprint, kept_key
from optimove_pipeline.sandbox.receiver.login import Account, Login
from optimove_pipeline.sandbox.receiver.public_keys import public_blob

_LOG = logging.getLogger(__name__)
# A client that goes away in the middle is no error of ours, but the library would log it as one.
logging.getLogger(f"{__name__}.ssh").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a sender must know of a running server.

    ``key_file`` holds the private key of the user, who may also log in with the password. ``host_key`` is the
    fingerprint to pin. ``folder`` is where deliveries go, seen from the login.
    """

    host: str
    port: int
    username: str
    host_key: str
    key_file: str
    folder: str = INBOX


@dataclass(frozen=True, slots=True)
class ReceiverOptions:
    """How the server is to be: where it listens (port 0: any free one), and who is let in.

    ``public_key`` is the line of a public key that is let in besides the one in the sandbox's folder.
    """

    host: str = "127.0.0.1"
    port: int = 0
    username: str = "sandbox"
    password: str = field(default="sandbox-password", repr=False)
    public_key: str | None = None


@contextmanager
def running_receiver(places: Places, options: ReceiverOptions, fault: Take = lambda *_: None) -> Iterator[Receiver]:
    """Serve the sandbox's folder over SFTP until the block ends; connections are cut then.

    Args:
        places: Where files and keys lie; made if they are not there.
        options: Address and user.
        fault: Tells the fault that an operation meets, if any.

    Raises:
        SettingsError: The port is taken.
        ValueError: ``public_key`` is no line of a public key.
    """
    places.make()
    host_key, user_key = kept_key(places.host_key), kept_key(places.user_key)
    further = [public_blob(options.public_key)] if options.public_key else []
    account = Account(options.username, options.password, (user_key.asbytes(), *further))
    serving = _Serving(account, host_key, Shelf(places.sftp_root, places.taken, fault), _open_port(options))
    host, port = serving.listening.getsockname()[:2]
    receiver = Receiver(host, port, options.username, fingerprint(host_key), str(places.user_key.absolute()))
    _LOG.info(
        "The sandbox's SFTP server: %s port %d, user %s, key file %s, host key %s, folder %s",
        *(receiver.host, receiver.port, receiver.username, receiver.key_file, receiver.host_key, receiver.folder),
    )
    threading.Thread(target=serving.accept, name="sandbox-sftp", daemon=True).start()
    try:
        yield receiver
    finally:
        serving.stop()


@dataclass(slots=True)
class _Serving:
    """An open port and its connections."""

    account: Account
    host_key: paramiko.PKey
    shelf: Shelf
    listening: socket.socket
    _connections: list[paramiko.Transport] = field(default_factory=list)

    def accept(self) -> None:
        """Let each that connects have threads of its own, until the port is closed."""
        with suppress(OSError):
            while True:
                connected, _ = self.listening.accept()
                self._connections = [each for each in self._connections if each.is_active()]
                self._connections.append(self._begin(connected))

    def stop(self) -> None:
        """Close the port and cut all connections."""
        with suppress(OSError):
            self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for transport in self._connections:
            transport.close()

    def _begin(self, connected: socket.socket) -> paramiko.Transport:
        transport = paramiko.Transport(connected)
        transport.set_log_channel(f"{__name__}.ssh")
        transport.daemon = True
        transport.add_server_key(self.host_key)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files, self.shelf, transport.close)
        # With an event it returns at once: a client that is slow to greet keeps nobody else waiting.
        transport.start_server(event=threading.Event(), server=Login(self.account))
        return transport


def _open_port(options: ReceiverOptions) -> socket.socket:
    try:
        return socket.create_server((options.host, options.port), backlog=64)
    except OSError as problem:
        raise SettingsError(
            f"sandbox sftp_port: {options.host}:{options.port} can't be opened ({problem.strerror}); "
            "choose another port, or 0 for any free one"
        ) from problem
