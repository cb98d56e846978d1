"""Commands and other processes that are forked from one which has Dagster loaded already.

They are processes like any other, with an exit code, streams, a folder and an environment of their own, and can be
killed and interrupted; only the seconds that each would take to import the same modules again are saved. Nothing here
imports Dagster.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import entry_points
from multiprocessing.context import ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from types import TracebackType
from typing import Any, Self

LONGEST_SECONDS = 600.0

PROGRAM = "optimove-pipeline"

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["optimove_pipeline_tests.end_to_end.preloaded"])


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    told: str


class ForkedProcess:
    """A process under way, with what `subprocess.Popen` has of it."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """The exit code, negative where a signal ended it, None while the process is under way."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """Return the exit code, or None while the process is under way."""
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process, unless it has ended."""
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float = LONGEST_SECONDS) -> int:
        """Wait for the process to end, and return its exit code."""
        self._process.join(timeout)
        code = self.returncode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        return code


class Forked(ForkedProcess):
    """A command under way, in text and with pipes for what it writes."""

    def __init__(
        self, arguments: Sequence[str], environment: Mapping[str, str], folder: Path, program: str = PROGRAM
    ) -> None:
        (out, to_out), (told, to_told) = os.pipe(), os.pipe()
        with Path(os.devnull).open() as nothing:
            super().__init__(fork(arguments, environment, folder, (nothing.fileno(), to_out, to_told), program))
        os.close(to_out)
        os.close(to_told)
        self.stdout, self.stderr = (os.fdopen(each, encoding="utf-8") for each in (out, told))

    def communicate(self, timeout: float = LONGEST_SECONDS) -> tuple[str, str]:
        """Wait for the process to end, and return what it has written since anybody read."""
        watchdog = threading.Timer(timeout, self.kill)
        watchdog.start()
        try:
            told = list[str]()
            reader = threading.Thread(target=lambda: told.append(self.stderr.read()))
            reader.start()
            out = self.stdout.read()
            reader.join()
            self._close()
            self.wait(timeout)
        finally:
            watchdog.cancel()
        return out, "".join(told)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()
        self.wait()

    def _close(self) -> None:
        self.stdout.close()
        self.stderr.close()


def run_forked(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, program: str = PROGRAM
) -> Ended:
    """Run a program of this environment to its end."""
    with Forked(arguments, environment, folder, program) as process:
        out, told = process.communicate()
        return Ended(process.wait(), out, told)


def fork(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    streams: Sequence[int],
    program: str = PROGRAM,
    *,
    apart: bool = False,
) -> ForkServerProcess:
    """Start a program of this environment with these files as standard input, output and error.

    One that is ``apart`` has a group of processes of its own, whose number is the process's.
    """
    return start([program, *arguments], partial(_run_program, program), environment, folder, streams, apart=apart)


def start(
    command: Sequence[str],
    run: Callable[[], int | None],
    environment: Mapping[str, str],
    folder: Path,
    streams: Sequence[int],
    *,
    apart: bool = False,
) -> ForkServerProcess:
    """Start a process that calls ``run`` with ``command`` as its ``sys.argv``, and else as ``fork`` does.

    Streams that are not given are those of this process.
    """
    handed = [_Handed(each) for each in streams]
    process = _PROCESSES.Process(target=_carry_out, args=([*command], run, dict(environment), folder, handed, apart))
    process.start()
    return process


class _Handed:
    """An open file that the new process is handed."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[object, ...]:
        # Only while a process is being started can its files be given to it.
        return _received, (DupFd(self.number),)


def _received(handed: Any) -> int:
    number: int = handed.detach()
    return number


def _carry_out(
    command: list[str],
    run: Callable[[], int | None],
    environment: Mapping[str, str],
    folder: Path,
    streams: Sequence[int],
    apart: bool,
) -> None:
    if apart:
        os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, given in enumerate(streams):
        os.dup2(given, number)
        os.close(given)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    # A shell lets what it runs in the background ignore interruptions, and so would what that has started.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = command
    sys.exit(run())


def _run_program(program: str) -> int | None:
    if program == PROGRAM:
        from optimove_pipeline.cli import main
    else:
        (script,) = entry_points(group="console_scripts", name=program)
        main = script.load()
    code: int | None = main()
    return code
