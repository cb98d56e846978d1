"""``dev``: Dagster's UI and daemon on this project until interrupted; nothing that it starts outlives it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from optimove_pipeline.commands.dagster_home import open_instance, prepare_dagster_home
from optimove_pipeline.commands.process_group import end_group
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.file_lock import locked

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
"""The UI has no login, so it is for this machine only."""

STOP_SECONDS = 60.0
"""Longest wait for an end in order: a run under way closes what it has open."""

_ASK_SECONDS = 0.25


def require_free(port: int) -> None:
    """Fail before anything is started if the UI can't have its port.

    Raises:
        SettingsError: another program listens there, or this user may not.
    """
    try:
        with socket.create_server((HOST, port)):
            return
    except OSError as error:
        raise SettingsError(
            f"--port {port}: {os.strerror(error.errno or 0)}. Another program may listen there, perhaps another "
            "`optimove-pipeline dev`: end it, or choose another port with --port"
        ) from error


def serve_ui(data_dir: Path, port: int, tell: Callable[[str], None]) -> int:
    """Run Dagster's UI and daemon until interrupted (SIGINT, SIGTERM, SIGHUP); return the exit code.

    Raises:
        BusyError: they run already on this data directory; two daemons would start each run twice.
    """
    home = prepare_dagster_home(data_dir)
    with locked(home / "dev.lock", "Dagster's UI and daemon", timeout=0):
        open_instance(home).dispose()
        with _interrupted_by(signal.SIGTERM, signal.SIGHUP), _dagster(port) as process:
            try:
                _watch(process, port, tell)
            except KeyboardInterrupt:
                tell("Ending Dagster. What runs under way have pulled is kept.")
                return 0
    tell("Dagster has ended by itself; what it said of that is above.")
    return 1


@contextmanager
def _interrupted_by(*numbers: signal.Signals) -> Iterator[None]:
    """Take these signals for Ctrl-C, except those that whoever started the command wants ignored."""
    before = {number: signal.getsignal(number) for number in numbers}
    taken = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in taken:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number])


@contextmanager
def _dagster(port: int) -> Iterator[subprocess.Popen[bytes]]:
    level = "info" if logger.isEnabledFor(logging.DEBUG) else "warning"
    command = [sys.executable, "-m", "optimove_pipeline.commands.dev_process"]
    options = ["-m", "optimove_pipeline.definitions", "-h", HOST, "-p", str(port), "--log-level", level]
    with subprocess.Popen(  # noqa: S603 - our own interpreter and module
        [*command, *options], stdin=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            if process.stdin is not None:
                process.stdin.close()
            end_group(process, STOP_SECONDS)


def _watch(process: subprocess.Popen[bytes], port: int, tell: Callable[[str], None]) -> None:
    """Tell when the UI answers, and return when the process has ended.

    Only a sleep is sure to be cut short by Ctrl-C: Polars puts a handler of its own before Python's, and the system
    then goes on with whatever else it waits for.
    """
    told = False
    while process.poll() is None:
        if not told and _answers(port):
            tell(f"Dagster's UI: http://localhost:{port} (Ctrl-C ends it)")
            told = True
        time.sleep(_ASK_SECONDS)


def _answers(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/server_info")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
