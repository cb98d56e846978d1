"""A webhook on this machine that keeps what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Hook:
    """A listening webhook: what it was sent, and what it answers to the next requests (then 200)."""

    url: str
    sent: list[dict[str, Any]] = field(default_factory=list)
    answers: list[tuple[int, str]] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        """The texts that it was sent, those that it refused as well."""
        return [each["text"] for each in self.sent]


@contextmanager
def webhook(path: str = "/services/T000/B000/canary") -> Iterator[Hook]:
    """Listen at a path until the block ends; any other path is answered with 404."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == path and self.headers["Content-Type"] == "application/json":
                hook.sent.append(json.loads(body))
                status, text = hook.answers.pop(0) if hook.answers else (200, "ok")
            else:
                status, text = 404, f"nothing at {self.path}"
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hook = Hook(f"http://127.0.0.1:{server.server_port}{path}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield hook
        finally:
            server.shutdown()
            thread.join()
