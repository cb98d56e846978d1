"""Stopping a command: at once where it lets itself be interrupted, and within the grace where it doesn't."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from optimove_pipeline.commands.stopping import EXIT_CODE, STOPPED, Stop, stoppable

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])

COMMAND = """
import signal, sys, time
from optimove_pipeline.commands.stopping import stoppable
deaf, grace = sys.argv[1] == "deaf", float(sys.argv[2])
with stoppable(lambda line: print(line, flush=True), grace):
    if deaf:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
    print("ready", flush=True)
    while True:
        time.sleep(60)
"""


@contextmanager
def command(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command that never ends by itself; a ``deaf`` one has handlers that do nothing."""
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
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
def test_both_signals_interrupt_and_are_answered_at_once(number: signal.Signals) -> None:
    told: list[str] = []
    interrupted = False
    with stoppable(told.append) as stop:
        try:
            signal.raise_signal(number)
        except KeyboardInterrupt:
            interrupted = True
    assert interrupted
    assert stop.asked
    assert told == ["Stopping in order, in 10 s at most; once more stops at once. Nothing that came is lost."]


@BOTH
def test_a_signal_that_somebody_else_took_is_found_at_the_next_check(number: signal.Signals) -> None:
    with stoppable(lambda _: None) as stop:
        signal.signal(number, lambda *_: None)
        signal.raise_signal(number)
        _until(stop)
        with pytest.raises(KeyboardInterrupt):
            stop.check()


def _until(stop: Stop) -> None:
    turn = threading.Event()
    while not stop.asked:
        turn.wait(0.01)


def test_without_a_signal_nothing_is_stopped_and_the_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with stoppable(pytest.fail) as stop:
        stop.check()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert signal.set_wakeup_fd(-1) == -1


@BOTH
def test_a_command_that_does_not_end_is_ended_after_its_grace(number: signal.Signals) -> None:
    with command("deaf", "0.2") as process:
        process.send_signal(number)
        code, out, told = ended(process)
    assert (code, told) == (EXIT_CODE, f"\n{STOPPED}\n")
    assert out.startswith("Stopping in order, in 0.2 s at most")


def test_a_second_signal_ends_a_command_at_once() -> None:
    with command("deaf", "1000") as process:
        process.send_signal(signal.SIGINT)
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Stopping in order")
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
