"""Stopping: Ctrl-C (SIGINT) and SIGTERM end a command in order, and soon, whatever it is doing."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

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
    """Let both signals raise KeyboardInterrupt, from which on the process ends within ``grace`` seconds.

    A second signal ends it at once. For the main thread. Dagster has handlers of its own while a run is under way,
    and libraries hold signals back or lose them. So signals are watched beside the handlers, by what the interpreter
    writes whenever one arrives; and from the first one on that goes on after the context, to the process's end.
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
        stop.check()
    except KeyboardInterrupt:
        stop.asked = True
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, _nothing if stop.asked else handler)
        if stop.asked:
            writer.detach()
        else:
            signal.set_wakeup_fd(woken)
            writer.close()
            watcher.join()


def _nothing(*_: object) -> None:
    """Leave a further signal to the watcher."""


def _watch(arrived: socket.socket, stop: Stop, tell: Callable[[str], None], grace: float) -> None:
    with arrived:
        if _signalled(arrived):
            stop.asked = True
            arrived.settimeout(grace)
            tell(f"Stopping in order, in {grace:g} s at most; once more stops at once. Nothing is lost.")
            with suppress(TimeoutError):
                _signalled(arrived)
            _end()


def _signalled(arrived: socket.socket) -> bool:
    """Wait for one of the signals; return False if the context ends instead."""
    while number := arrived.recv(1):
        if number[0] in _SIGNALS:
            return True
    return False


def _end() -> None:
    """End the process without asking anybody else in it: whoever is late may hold any lock."""
    os.write(_STDERR, f"{_SHOW_CURSOR if os.isatty(_STDERR) else ''}\n{STOPPED}\n".encode())
    os._exit(EXIT_CODE)
