"""A wire between a client and a server that a test can cut, stop or lengthen."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from queue import SimpleQueue


@dataclass(slots=True)
class Wire:
    """Passes bytes on to ``upstream``; ``delay`` is the seconds that each direction takes.

    ``cuts`` more connections are reset once they have carried ``cut_after`` bytes to the server. After
    ``stall_after`` bytes nothing more is passed to the server, over all connections.
    """

    upstream: int
    port: int = 0
    delay: float = 0.0
    cuts: int = 0
    cut_after: int = 0
    stall_after: int | None = None
    connections: int = 0
    carried: int = 0
    stalled: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    ends: list[socket.socket] = field(default_factory=list)


@contextmanager
def wire(upstream: int, **options: float) -> Iterator[Wire]:
    """A wire to a port of the loopback, in threads of this process."""
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listening:
        laid = Wire(upstream, **options)  # type: ignore[arg-type]
        laid.port = listening.getsockname()[1]
        threading.Thread(target=_accept, args=(laid, listening), daemon=True).start()
        try:
            yield laid
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for end in laid.ends:
                _reset(end)


def _accept(laid: Wire, listening: socket.socket) -> None:
    while True:
        try:
            near, _ = listening.accept()
        except OSError:
            return
        laid.connections += 1
        far = socket.create_connection(("127.0.0.1", laid.upstream))
        laid.ends += (near, far)
        for end in (near, far):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for ends, to_server in (((near, far), True), ((far, near), False)):
            queue: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
            threading.Thread(target=_read, args=(laid, *ends, queue, to_server), daemon=True).start()
            threading.Thread(target=_write, args=(ends[1], queue), daemon=True).start()


def _read(
    laid: Wire, source: socket.socket, sink: socket.socket, queue: SimpleQueue[tuple[float, bytes]], to_server: bool
) -> None:
    carried = 0
    with suppress(OSError):
        while block := source.recv(262_144):
            carried += len(block)
            if to_server and _is_stalled(laid, len(block)):
                return
            if to_server and carried > laid.cut_after and _takes_a_cut(laid):
                for end in (source, sink):
                    _reset(end)
                return
            queue.put((time.monotonic() + laid.delay, block))
    queue.put((time.monotonic() + laid.delay, b""))


def _is_stalled(laid: Wire, more: int) -> bool:
    with laid.lock:
        laid.carried += more
        if laid.stall_after is None or laid.carried <= laid.stall_after:
            return False
    laid.stalled.set()
    return True


def _takes_a_cut(laid: Wire) -> bool:
    with laid.lock:
        if not laid.cuts:
            return False
        laid.cuts -= 1
        return True


def _write(sink: socket.socket, queue: SimpleQueue[tuple[float, bytes]]) -> None:
    with suppress(OSError):
        while True:
            due, block = queue.get()
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            if not block:
                sink.shutdown(socket.SHUT_WR)
                return
            sink.sendall(block)


def _reset(end: socket.socket) -> None:
    """Close so that the other side sees a reset, as of a firewall, and not an end."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
    end.close()
