"""The server as a process of its own, and processes that are killed: the server, and one that delivers."""

from __future__ import annotations

import json
import re
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from optimove_pipeline.ledger import Ledger, State, ledger_file
from optimove_pipeline.stages.load import load
from optimove_pipeline_tests.assets.casino import command
from optimove_pipeline_tests.children import child, line
from optimove_pipeline_tests.end_to_end.place import Place, end, start
from optimove_pipeline_tests.serving.api import (
    DAY,
    KEY,
    Api,
    customer,
    goods,
    ids,
    many,
    package,
    place_of,
)
from optimove_pipeline_tests.serving.dying import MOMENTS, PROGRAM

ROWS = 8_000


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that is up, and its address."""

    process: subprocess.Popen[str]
    url: str


@contextmanager
def serving(place: Place) -> Iterator[Serving]:
    process = start(place, "serve", "--port", "0")
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        found = re.search(r"https?://\S+:\d+", line)
        assert found is not None, line + process.communicate()[1]
        yield Serving(process, found[0])
    finally:
        process.kill()
        process.communicate()


def test_a_server_that_is_told_to_end_sends_the_page_under_way_and_the_next_server_goes_on(
    tmp_path: Path, api: Api
) -> None:
    """A client that reads slowly gets its page whole, though the server was told to end when it had hardly begun.

    Its cursor holds at other servers over the same store, whatever is delivered meanwhile.
    """
    place = place_of(tmp_path)
    api.deliver([customer(number, Address="x" * 2000) for number in range(ROWS + 4)])
    with (
        serving(place) as server,
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as client,
    ):
        request = f"GET /v1/Customers?limit={ROWS} HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n\r\n"
        client.sendall(request.encode())
        content = client.recv(1000)
        server.process.send_signal(signal.SIGTERM)
        while block := client.recv(2**20):
            content += block
        out, told = server.process.communicate(timeout=30)
        assert server.process.returncode == 0, told
    head, _, body = content.partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}".encode() in head
    page = json.loads(body)
    assert "Traceback" not in out + told

    api.deliver([customer(ROWS + 1, minutes=700)], partition="2026-11-21")
    rest = api.page(cursor=page["next_cursor"])
    assert ids(page["data"] + rest["data"]) == [f"C{number:05d}" for number in range(ROWS + 4)]


def certificate(folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate for 127.0.0.1 and of its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    files = folder / "data.pem", folder / "data.key"
    files[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    pem, pkcs8, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(pem, pkcs8, plain))
    return files


def test_the_server_speaks_tls(tmp_path: Path) -> None:
    pem, key = certificate(tmp_path)
    place = place_of(tmp_path, tls_certificate=str(pem), tls_key=str(key))
    with serving(place) as server:
        trusting = ssl.create_default_context(cafile=str(pem))
        url = server.url.replace("127.0.0.1", "localhost")
        assert url.startswith("https://")
        answer = httpx.get(f"{url}/v1/tables", headers={"X-API-Key": KEY}, verify=trusting)
        assert [table["table"] for table in answer.json()["tables"]][-2:] == [
            "Customers",
            "Game_Types_and_Categories",
        ]
        server.process.send_signal(signal.SIGINT)
        assert end(server.process).code == 0


def refused(place: Place, *arguments: str) -> str:
    """Return what ``serve`` says before it ends with 2."""
    ended = command(place, "serve", *arguments)
    assert ended.exit_code == 2, ended.output
    assert "Traceback" not in ended.output
    return ended.output


def test_what_keeps_the_server_from_starting_is_told_in_a_line(tmp_path: Path) -> None:
    place = place_of(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "targets.api.listen_on: 127.0.0.1:" in refused(place, "--port", str(taken.getsockname()[1]))
    assert "name a target of kind api that a feed is delivered to; there are: api" in refused(place, "outbox")
    without = Place(tmp_path, {**place.environment, "PULL_KEY": ""})
    assert "the environment variable PULL_KEY is not set" in refused(without)
    broken = place_of(tmp_path, tls_certificate=str(tmp_path / "optimove.yaml"), tls_key=str(tmp_path / "none"))
    assert "targets.api.tls_certificate and tls_key" in refused(broken)


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_delivery_that_was_killed_is_there_not_at_all_or_once(tmp_path: Path, api: Api, moment: str) -> None:
    before = [customer(1, minutes=1), customer(900, minutes=2)]
    api.deliver(before, partition="2026-11-19")
    first = api.page(limit=1)
    orders = json.dumps({"root": str(tmp_path), "rows": 400, "moment": moment})
    with child(PROGRAM, orders) as process:
        assert line(process) == "there"
    rows = goods(api.table(), many(400), blocks=4)
    is_there = moment != MOMENTS[0]
    assert api.target.receipt(rows.table, rows.partition) == (rows.source if is_there else None)
    assert len(api.pull()) == (401 if is_there else 2)
    assert ids(api.page(cursor=first["next_cursor"])["data"]) == ["C00900"]

    ledger = Ledger(ledger_file(api.settings.data_dir))
    done = load(rows, package(rows), api.target, ledger, "again")
    assert (done.sent, len(api.pull())) == (0 if is_there else 1, 401)
    (entry,) = ledger.newest("api", "customers", DAY)
    assert entry.state is State.DELIVERED
    as_of = api.page()["as_of"]
    assert load(rows, package(rows), api.target, ledger, "once more").sent == 0
    assert api.page()["as_of"] == as_of
