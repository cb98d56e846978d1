"""A client that pulls all rows as NDJSON from a server on one core, and tells what that cost the server."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zlib
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from urllib.parse import quote

from benchmarks.subjects.api_servers import KEY, NAME

PAGE = 50_000
_GZIP = 31
_TICKS = os.sysconf("SC_CLK_TCK")


def pull(server: str, folder: str, pages: int, gzip: bool) -> dict[str, float]:
    """Pull so many pages at most; return rows, bytes, seconds, and CPU seconds and peak bytes of the server."""
    command = [sys.executable, "-m", "benchmarks.subjects.api_servers", server, folder]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        connection = HTTPConnection("127.0.0.1", int(process.stdout.readline()))
        _page(connection, "", gzip, rows=1)  # what is loaded with the first request is not measured
        before, began = _cpu_seconds(process.pid), perf_counter()
        rows, size = _pages(connection, pages, gzip)
        seconds = perf_counter() - began
        cpu, peak = _cpu_seconds(process.pid) - before, _peak_bytes(process.pid)
    finally:
        process.kill()
        process.communicate()
    return {"rows": rows, "bytes": size, "seconds": seconds, "cpu_seconds": cpu, "peak_bytes": peak}


def _pages(connection: HTTPConnection, pages: int, gzip: bool) -> tuple[int, int]:
    rows, size, cursor, number = 0, 0, "", 0
    while number < pages and (number == 0 or cursor):
        content, cursor = _page(connection, cursor, gzip, rows=PAGE)
        size += len(content)
        rows += (zlib.decompress(content, _GZIP) if gzip else content).count(b"\n")
        number += 1
    return rows, size


def _page(connection: HTTPConnection, cursor: str, gzip: bool, rows: int) -> tuple[bytes, str]:
    asked = f"/v1/{NAME}?limit={rows}{f'&cursor={quote(cursor)}' if cursor else ''}"
    encoding = "gzip" if gzip else "identity"
    headers = {"X-API-Key": KEY, "Accept": "application/x-ndjson", "Accept-Encoding": encoding}
    connection.request("GET", asked, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status == 200, content
    return content, answer.getheader("Next-Cursor") or ""


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _peak_bytes(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024
