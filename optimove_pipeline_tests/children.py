"""Child processes for tests that kill them.

They are forked from one that has Dagster loaded already, as ``end_to_end/forked.py`` tells it to: most of them need a
part of that, and would take a second or more to load it.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO, cast

from optimove_pipeline_tests.end_to_end import forked as forked  # tells what is loaded

_PROCESSES = multiprocessing.get_context("forkserver")


@dataclass(frozen=True, slots=True)
class Child:
    """A process with pipes, and what tests do with it, as with a ``subprocess.Popen``."""

    process: ForkServerProcess
    stdin: TextIO
    stdout: TextIO

    @property
    def pid(self) -> int:
        """Its id."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, or None while it runs; the negative signal if one has killed it."""
        return self.process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, or None while it runs."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code once it has ended."""
        self.process.join(timeout)
        code = self.returncode
        if code is None:
            raise TimeoutError(f"process {self.pid} has not ended within {timeout} s")
        return code

    def send_signal(self, signal: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, signal)

    def kill(self) -> None:
        """Kill it, unless it has ended."""
        self.process.kill()

    def communicate(self, said: str) -> str:
        """Say something, wait for its end, and return what it has printed since."""
        self.stdin.write(said)
        self.stdin.close()
        told = self.stdout.read()
        self.process.join()
        return told


@contextmanager
def child(program: str, *arguments: object) -> Iterator[Child]:
    """Run Python source in a process of its own with pipes; it is killed at the end at the latest."""
    read_by_it, written_by_us = _PROCESSES.Pipe(duplex=False)
    read_by_us, written_by_it = _PROCESSES.Pipe(duplex=False)
    orders = (program, [*map(str, arguments)], dict(os.environ), Path.cwd(), read_by_it, written_by_it)
    process = _PROCESSES.Process(target=_run, args=orders)
    process.start()
    read_by_it.close()
    written_by_it.close()
    with _text(written_by_us, "w") as stdin, _text(read_by_us, "r") as stdout:
        try:
            yield Child(process, stdin, stdout)
        finally:
            process.kill()
            process.join()
            with suppress(BrokenPipeError):
                stdin.close()


def line(process: Child) -> str:
    """Return the next line that a child prints; empty if it has ended."""
    return process.stdout.readline().strip()


def _text(connection: Connection, mode: str) -> TextIO:
    with connection:
        return cast(TextIO, os.fdopen(os.dup(connection.fileno()), mode, encoding="utf-8"))


def _run(
    program: str,
    arguments: list[str],
    environment: Mapping[str, str],
    folder: Path,
    stdin: Connection,
    stdout: Connection,
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, connection in enumerate((stdin, stdout)):
        with connection:
            os.dup2(connection.fileno(), number)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process runs
    sys.argv = ["-c", *arguments]
    exec(program, {"__name__": "__main__"})  # noqa: S102 - a test's own source
