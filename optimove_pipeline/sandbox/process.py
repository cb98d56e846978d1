"""A sandbox in a process of its own, which ends with the process that started it, however that one ends."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import date
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import orjson

from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.options import SandboxOptions, as_json, from_json, tenant_options
from optimove_pipeline.sandbox.tenant import Tenant

_ANSWER_SECONDS = 30.0


@dataclass(slots=True)
class RunningSandbox:
    """A sandbox that answers at ``url`` (``http://127.0.0.1:port/current``) to ``key``.

    ``tenant`` equals the server's, for asking ``truth``.
    """

    url: str
    options: SandboxOptions
    process_id: int
    tenant: Tenant = field(init=False)

    def __post_init__(self) -> None:
        self.tenant = Tenant(tenant_options(self.options), self.options.today)

    @property
    def key(self) -> str:
        """The API key that is let in."""
        return self.options.key

    def stats(self) -> dict[str, Any]:
        """What the server has seen since the start or the last reset.

        ``total``, ``rows``, ``by_status`` and ``by_function`` (counts), ``windows`` (``calls``, ``seconds``,
        ``most`` arrivals in any such time, ``refused``), ``most_in_flight``, ``logins``, and ``calls``: for
        each its ``function``, ``parameters`` (names in lower case), ``at`` (epoch seconds), ``status``,
        ``rows``, ``milliseconds``, ``fault``. Controls are not counted.
        """
        found: dict[str, Any] = self._control("stats")
        return found

    def faults(self, *faults: Fault) -> None:
        """Switch these faults on and all others off."""
        self._control("faults", [asdict(fault) for fault in faults])

    def reset(self) -> None:
        """Back to the state of the start, the date included."""
        self._control("reset", {})
        self.tenant = Tenant(self.tenant.options, self.options.today)

    def set_today(self, today: date | None) -> None:
        """Move the tenant's current date; None for the real date."""
        self._control("today", {"today": today.isoformat() if today else None})
        self.tenant = Tenant(self.tenant.options, today)

    def send_event(self, event: int, campaign: int | None = None, channel: int | None = None) -> list[int | None]:
        """Send an event to those registered for it; the status that each answered, None for one that did not."""
        told = {"EventTypeID": event, "CampaignID": campaign, "ChannelID": channel}
        statuses: list[int | None] = self._control("event", told)["statuses"]
        return statuses

    def sftp(self) -> dict[str, Any]:
        """How to deliver: ``host``, ``port``, ``username``, ``host_key`` (a fingerprint), ``key_file``, ``folder``.

        Raises:
            RuntimeError: The sandbox has no folder.
        """
        found: dict[str, Any] = self._control("sftp")
        return found

    def settings(self) -> dict[str, Any]:
        """``sources``, ``datasets`` and ``targets`` of a settings file that sends the company's data to the sandbox.

        Raises:
            RuntimeError: The sandbox has no folder.
        """
        found: dict[str, Any] = self._control("settings")
        return found

    def deliveries(self) -> dict[str, Any]:
        """What was delivered: ``files`` and ``days`` with the fields of ``Received`` and ``ReceivedDay``.

        Raises:
            RuntimeError: The sandbox has no folder.
        """
        found: dict[str, Any] = self._control("deliveries")
        return found

    def _control(self, name: str, body: object = None) -> Any:
        server = urlsplit(self.url)
        connection = HTTPConnection(str(server.hostname), server.port, timeout=_ANSWER_SECONDS)
        try:
            content = None if body is None else orjson.dumps(body)
            connection.request("GET" if body is None else "POST", f"/sandbox/{name}", content)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"The sandbox refused {name}: {text.decode()}")
        return orjson.loads(text)


@contextmanager
def running_sandbox(**options: Any) -> Iterator[RunningSandbox]:
    """Start a sandbox in a process of its own, wait until it answers, stop it at the end.

    Takes the fields of ``SandboxOptions``.

    Raises:
        SettingsError: An option can't work.
        RuntimeError: The process ended instead of answering.
    """
    chosen = SandboxOptions(**options)
    with subprocess.Popen(
        [sys.executable, "-m", "optimove_pipeline.sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in a terminal is for the parent, whose end is this process's end
    ) as process:
        try:
            sandbox = RunningSandbox(_url_of(process, chosen), chosen, process.pid)
            sandbox._control("health")
            yield sandbox
        finally:
            process.kill()


def run_child() -> None:
    """The other side of ``running_sandbox``: options from standard input, the URL to standard output.

    Standard input stays open as long as the parent lives; its end is the end of this process.
    """
    from optimove_pipeline.sandbox.server import serve

    options = from_json(orjson.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def tell(url: str) -> None:
        sys.stdout.write(url + "\n")
        sys.stdout.flush()

    serve(options, tell)


def _url_of(process: subprocess.Popen[bytes], options: SandboxOptions) -> str:
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("The sandbox's process has no pipes.")
    process.stdin.write(orjson.dumps(as_json(options)) + b"\n")
    process.stdin.flush()
    url = process.stdout.readline().decode().strip()
    if not url:
        raise RuntimeError("The sandbox's process ended before it was ready; its own message is above.")
    return url


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)
