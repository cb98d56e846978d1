"""Stopping a command: at once where it lets itself be interrupted, and within the grace where it doesn't."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from optimove_pipeline.commands.stopping import EXIT_CODE, STOPPED, stoppable

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])

COMMAND = """
import os, signal, sys, time
from optimove_pipeline.commands.stopping import stoppable
manner, grace = sys.argv[1], float(sys.argv[2])
try:
    with stoppable(lambda line: os.write(1, f"{line}\\n".encode()), grace) as stop:
        if manner in ("deaf", "checking"):
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: None)
        os.write(1, b"ready\\n")
        while manner != "checking" or not stop.asked:
            time.sleep(0.01)
except KeyboardInterrupt:
    os.write(1, b"interrupted\\n")
    if manner == "late":
        time.sleep(1000)
"""

TOLD = "Stopping in order, in 1000 s at most; once more stops at once. Nothing is lost.\n"


@contextmanager
def command(manner: str, grace: float) -> Iterator[subprocess.Popen[str]]:
    """Run a command that never ends by itself.

    ``polite``: it leaves the signals alone. ``deaf``: it has handlers that do nothing. ``checking``: it has, too, and
    looks now and then. ``late``: it is polite, but stays after its end in order.
    """
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, manner, str(grace)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, told = process.communicate(timeout=60)
    return process.returncode, out, told


@BOTH
@pytest.mark.parametrize("manner", ["polite", "checking"])
def test_a_command_that_hears_a_signal_ends_in_order(manner: str, number: signal.Signals) -> None:
    with command(manner, 1000) as process:
        process.send_signal(number)
        code, out, told = ended(process)
    assert (code, told) == (0, "")
    # One that ends at once may be gone before it has told so.
    assert out.replace(TOLD, "") == "interrupted\n"


def test_without_a_signal_nothing_is_stopped_and_the_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stoppable(pytest.fail) as stop:
        stop.check()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1


@pytest.mark.parametrize("manner", ["deaf", "late"])
@BOTH
def test_a_command_that_does_not_end_is_ended_after_its_grace(manner: str, number: signal.Signals) -> None:
    with command(manner, 0.2) as process:
        process.send_signal(number)
        code, out, told = ended(process)
    assert (code, told) == (EXIT_CODE, f"\n{STOPPED}\n")
    assert "Stopping in order, in 0.2 s at most" in out


@pytest.mark.parametrize("manner", ["deaf", "late"])
def test_a_second_signal_ends_a_command_at_once(manner: str) -> None:
    with command(manner, 1000) as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(1 + (manner == "late"))]
        assert TOLD in said
        process.send_signal(signal.SIGINT)
        code, _, told = ended(process)
    assert (code, told) == (EXIT_CODE, f"\n{STOPPED}\n")


def test_other_signals_are_not_meant() -> None:
    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    try:
        with stoppable(pytest.fail) as stop:
            signal.raise_signal(signal.SIGUSR1)
            stop.check()
    finally:
        signal.signal(signal.SIGUSR1, before)
