"""Programs of a terminal that are forked from a process which has loaded already what they import.

A folder first on the terminal's PATH has a stand-in for each. It hands its arguments, environment, folder and streams
over a socket, passes on the signals that a terminal sends, and ends as the forked process does.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from ast import literal_eval
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryDirectory

from optimove_pipeline_tests.end_to_end.forked import PROGRAM, fork

PROGRAMS = (PROGRAM, "dagster", "dagster-daemon", "dagster-webserver")

_LARGEST_BYTES = 1 << 20

_STAND_IN = f"""#!{sys.executable} -IS
import os, signal, socket, sys
folder, program = os.path.split(os.path.abspath(sys.argv[0]))
line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
line.connect(os.path.join(folder, "socket"))
call = (program, sys.argv[1:], dict(os.environ), os.getcwd())
socket.send_fds(line, [repr(call).encode()], [0, 1, 2])
process = int(line.recv(100))
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, lambda number, _: os.killpg(process, number))
code = int(line.recv(100))
if code < 0:
    signal.signal(-code, signal.SIG_DFL)
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@contextmanager
def forked_programs() -> Iterator[Path]:
    """Yield the folder of the stand-ins, for as long as they work."""
    with TemporaryDirectory() as kept, socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as door:
        folder = Path(kept)
        for name in PROGRAMS:
            (folder / name).write_text(_STAND_IN, encoding="utf-8")
            (folder / name).chmod(0o755)
        door.bind(str(folder / "socket"))
        door.listen()
        host = threading.Thread(target=_let_in, args=(door,))
        host.start()
        try:
            yield folder
        finally:
            door.shutdown(socket.SHUT_RDWR)
            host.join()


def _let_in(door: socket.socket) -> None:
    guests = list[threading.Thread]()
    with suppress(OSError):  # the door was shut
        while True:
            line, _ = door.accept()
            guests.append(threading.Thread(target=_serve, args=(line,)))
            guests[-1].start()
    for guest in guests:
        guest.join()


def _serve(line: socket.socket) -> None:
    """Run what a stand-in asks for; it is killed if the stand-in is."""
    with line:
        call, streams, *_ = socket.recv_fds(line, _LARGEST_BYTES, 3)
        program, arguments, environment, folder = literal_eval(call.decode())
        process = fork(arguments, environment, Path(folder), streams, program, apart=True)
        for each in streams:
            os.close(each)
        line.send(str(process.pid).encode())
        if process.sentinel not in wait([process.sentinel, line]):
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
        with suppress(BrokenPipeError):
            line.send(str(process.exitcode).encode())
        process.close()
