"""An HTTP server in a process of its own that notes when each call arrives; run as a module.

Prints its port, answers every request with an empty list, and at the end of its input prints the arrivals as JSON:
pairs of the request's path and the monotonic clock's seconds.
"""

import asyncio
import json
import sys
import time

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]"
_arrivals: list[tuple[str, float]] = []


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        instant = time.monotonic()
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            _arrivals.append((request.split(b" ")[1].decode(), instant))
            self._transport.write(_ANSWER)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await asyncio.to_thread(sys.stdin.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(_serve())
    json.dump(_arrivals, sys.stdout)
