"""Child processes for tests that kill them.

They are forked from one that has Dagster loaded already: most of them need a part of that, and would take a second or
more to load it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO

from optimove_pipeline_tests.end_to_end.forked import ForkedProcess, start


class Child(ForkedProcess):
    """A process with pipes for what it reads and for what it prints."""

    def __init__(self, process: ForkServerProcess, stdin: TextIO, stdout: TextIO) -> None:
        super().__init__(process)
        self.stdin, self.stdout = stdin, stdout

    def communicate(self, said: str) -> str:
        """Say something, wait for its end, and return what it has printed since."""
        self.stdin.write(said)
        self.stdin.close()
        told = self.stdout.read()
        self.wait()
        return told


@contextmanager
def child(program: str, *arguments: object) -> Iterator[Child]:
    """Run Python source in a process of its own with pipes; it is killed at the end at the latest."""
    (read_by_it, written_by_us), (read_by_us, written_by_it) = os.pipe(), os.pipe()
    command = ["-c", *map(str, arguments)]
    process = start(command, partial(_execute, program), os.environ, Path.cwd(), (read_by_it, written_by_it))
    os.close(read_by_it)
    os.close(written_by_it)
    stdin, stdout = os.fdopen(written_by_us, "w", encoding="utf-8"), os.fdopen(read_by_us, encoding="utf-8")
    with stdout:
        running = Child(process, stdin, stdout)
        try:
            yield running
        finally:
            running.kill()
            running.wait()
            with suppress(BrokenPipeError):
                stdin.close()


def line(process: Child) -> str:
    """Return the next line that a child prints; empty if it has ended."""
    return process.stdout.readline().strip()


def _execute(program: str) -> None:
    exec(program, {"__name__": "__main__"})  # noqa: S102 - a test's own source
