"""``optimove-pipeline dev`` as a person starts it, and Dagster's GraphQL, which its UI asks."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from http.client import HTTPConnection
from typing import IO, Any, TypeVar

import psutil

from optimove_pipeline_tests.end_to_end.forked import Ended
from optimove_pipeline_tests.end_to_end.place import STAGES, Place, start

LONGEST_SECONDS = 300.0
"""Far more than anything here takes: a loaded machine is no failure."""

_POLL_SECONDS = 1.0

T = TypeVar("T")

_LAUNCH_BACKFILL = """
mutation ($asked: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $asked) {
    __typename
    ... on LaunchBackfillSuccess { backfillId }
    ... on PythonError { message }
  }
}"""

_LAUNCH_RUN = """
mutation ($asked: ExecutionParams!) {
  launchRun(executionParams: $asked) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}"""

_REPOSITORIES = """
{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }
"""


@dataclass(slots=True)
class Dev:
    """The command while it runs; ``said`` grows by what it prints."""

    place: Place
    port: int
    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the UI is."""
        return f"http://127.0.0.1:{self.port}"

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        """Return the data of an answer of GraphQL, which must tell of no error."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            body = json.dumps({"query": query, "variables": variables})
            connection.request("POST", "/graphql", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    def backfill(self, reports: Sequence[str], days: Sequence[date], title: str) -> str:
        """Launch a backfill of all stages of reports as the UI does; return its id."""
        asked = {"assetSelection": _assets(reports), "partitionNames": [*map(str, days)], "title": title}
        launched = self.ask(_LAUNCH_BACKFILL, asked=asked)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        identity: str = launched["backfillId"]
        return identity

    def materialise(self, reports: Sequence[str], day: date) -> str:
        """Launch a run of all stages of reports of one day as the UI does; return its id."""
        (repository,) = self.ask(_REPOSITORIES)["repositoriesOrError"]["nodes"]
        selector = {
            "repositoryName": repository["name"],
            "repositoryLocationName": repository["location"]["name"],
            "pipelineName": "__ASSET_JOB",
            "assetSelection": _assets(reports),
        }
        tags = [{"key": "dagster/partition", "value": day.isoformat()}]
        asked = {"selector": selector, "mode": "default", "executionMetadata": {"tags": tags}}
        launched = self.ask(_LAUNCH_RUN, asked=asked)["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        identity: str = launched["run"]["runId"]
        return identity

    def interrupt(self) -> Ended:
        """End the command as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(LONGEST_SECONDS)
        return Ended(code, "", "".join(self.said))


def eventually(found: Callable[[], T | None], what: str, dev: Dev) -> T:
    """Wait until something is there, and return it."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while (value := found()) is None:
        assert time.monotonic() < deadline, f"{what}: not within {LONGEST_SECONDS:g} s\n{''.join(dev.said)}"
        assert dev.process.poll() is None, f"{what}: dev has ended\n{''.join(dev.said)}"
        time.sleep(_POLL_SECONDS)
    return value


@contextmanager
def running_dev(place: Place) -> Iterator[Dev]:
    """Start the command on a free port and wait until it says that the UI is up; nothing of it is left afterwards."""
    port = free_port()
    with _interruptible(), start(place, "dev", "--port", str(port)) as process:
        dev = Dev(place, port, process)
        readers = [_reading(stream, dev.said) for stream in (process.stdout, process.stderr)]
        try:
            eventually(lambda: f"localhost:{port}" in "".join(dev.said) or None, "the UI", dev)
            yield dev
        finally:
            family = descendants(dev)
            if process.poll() is None:
                dev.interrupt()
            for left in psutil.wait_procs(family, timeout=5)[1]:
                left.kill()
            for reader in readers:
                reader.join()


@contextmanager
def _interruptible() -> Iterator[None]:
    """A shell lets what it runs in the background ignore interruptions, and children would, too."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def descendants(dev: Dev) -> list[psutil.Process]:
    """Return the processes that the command has started, and that these have."""
    if dev.process.poll() is not None:
        return []
    return psutil.Process(dev.process.pid).children(recursive=True)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


def _assets(reports: Sequence[str]) -> list[dict[str, list[str]]]:
    return [{"path": [stage, report]} for report in reports for stage in STAGES]


def _reading(stream: IO[str] | None, into: list[str]) -> threading.Thread:
    """Read on, since whoever does not would stop a command that goes on writing."""
    assert stream is not None
    thread = threading.Thread(target=into.extend, args=(stream,), daemon=True)
    thread.start()
    return thread
