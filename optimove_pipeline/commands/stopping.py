"""Stopping: Ctrl-C (SIGINT) and SIGTERM end a command in order, and soon, whatever it is doing."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EXIT_CODE = 130

GRACE_SECONDS = 10.0
"""How long an end in order may take: a killed process leaves nothing half written, so nobody has to wait longer."""

STOPPED = "Interrupted. What has arrived is kept: the same command goes on from there."

_STDERR = 2
_SHOW_CURSOR = "\x1b[?25h"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Whether the command was asked to stop; ``check`` is for the moments at which that is easy."""

    def __init__(self) -> None:
        self.asked = False

    def check(self) -> None:
        """Raise KeyboardInterrupt if the command was asked to stop, but whoever took the signal went on."""
        if self.asked:
            raise KeyboardInterrupt


@contextmanager
def stoppable(tell: Callable[[str], None], grace: float = GRACE_SECONDS) -> Iterator[Stop]:
    """Let both signals raise KeyboardInterrupt; a second one, or the end of ``grace`` seconds, ends the process.

    Dagster has handlers of its own while a run is under way, and libraries hold signals back or lose them. So the
    signals are watched beside the handlers, by what the interpreter writes whenever one arrives. For the main thread.
    """
    stop = Stop()
    reader, writer = socket.socketpair()
    writer.settimeout(0)
    before = {number: signal.signal(number, signal.default_int_handler) for number in _SIGNALS}
    woken = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reader, stop, tell, grace), name="stops the command", daemon=True)
    watcher.start()
    try:
        yield stop
    finally:
        signal.set_wakeup_fd(woken)
        for number, handler in before.items():
            signal.signal(number, handler)
        writer.close()
        watcher.join()
        reader.close()


def _watch(arrived: socket.socket, stop: Stop, tell: Callable[[str], None], grace: float) -> None:
    try:
        while number := arrived.recv(1):
            if number[0] in _SIGNALS:
                if stop.asked:
                    _end()
                stop.asked = True
                arrived.settimeout(grace)
                tell(
                    f"Stopping in order, in {grace:g} s at most; once more stops at once. Nothing that came is lost."
                )
    except TimeoutError:
        _end()


def _end() -> None:
    """End the process without a word to anybody else in it: whoever is late may hold any lock."""
    os.write(_STDERR, f"{_SHOW_CURSOR if os.isatty(_STDERR) else ''}\n{STOPPED}\n".encode())
    os._exit(EXIT_CODE)
