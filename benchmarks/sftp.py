"""SFTP: parts delivered over parallel connections, against OpenSSH's ``sftp`` and Paramiko's plain ``put``."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measuring import MIB, Measured, alternate, measure
from benchmarks.results import Figure, Section
from benchmarks.subjects.couriers import SOURCE
from optimove_pipeline.packages import build_folder
from optimove_pipeline_tests.servers.openssh import OpenSsh, openssh_folder, openssh_server
from optimove_pipeline_tests.servers.wire import wire

PARTS = 4
NEAR_MIB, FAR_MIB = 64, 48
"""Sizes of a part on the loopback and at a distance."""
ROUND_TRIP_SECONDS = 0.04
ROUNDS = 3

_OURS, _OPENSSH, _PUT = "deliver", "OpenSSH sftp", "paramiko put"


def measure_sftp(near_mib: int = NEAR_MIB, far_mib: int = FAR_MIB, rounds: int = ROUNDS) -> Section:
    """Measure bytes a second of four parts on the loopback and at a round trip of 40 ms."""
    with openssh_folder() as place, openssh_server(place) as server:
        near = _measured(server, server.port, near_mib, rounds, {_OURS: "ours", _OPENSSH: "openssh"})
        with wire(server.port, delay=ROUND_TRIP_SECONDS / 2) as laid:
            far = _measured(server, laid.port, far_mib, rounds, {_OURS: "ours", _PUT: "plain_put"})
    distance = f"{ROUND_TRIP_SECONDS * 1000:g} ms"
    note = (
        f"{PARTS} parts of random bytes to an OpenSSH server on the same machine: {near_mib} MiB each on the "
        f"loopback, {far_mib} MiB each through a proxy that delays each direction by half of {distance}. deliver is "
        "the whole stage with its defaults: connections, ledger, hash of what is sent, sizes compared, renamed."
    )
    return Section(
        "Delivery over SFTP",
        note,
        (
            _figure("loopback", near[_OURS], _OPENSSH, near[_OPENSSH], 1.0),
            _figure(f"{distance} round trip", far[_OURS], _PUT, far[_PUT], 3.0),
        ),
    )


def _measured(
    server: OpenSsh, port: int, part_mib: int, rounds: int, functions: dict[str, str]
) -> dict[str, Measured]:
    with TemporaryDirectory(prefix="benchmark-") as package:
        hashes = _written(Path(package), part_mib)
        return alternate(
            rounds, {name: _subject(function, server, port, hashes) for name, function in functions.items()}
        )


def _written(package: Path, part_mib: int) -> dict[str, str]:
    """Write the parts of a package and return the hash of each by its path."""
    (folder := build_folder(package, SOURCE)).mkdir()
    hashes = {}
    for number in range(1, PARTS + 1):
        content = random.Random(number).randbytes(part_mib * MIB)
        (file := folder / f"Benchmark_{number:03d}.csv.gz").write_bytes(content)
        hashes[str(file)] = hashlib.sha256(content).hexdigest()
    return hashes


def _subject(function: str, server: OpenSsh, port: int, hashes: dict[str, str]) -> Callable[[], Measured]:
    folder = server.root / function
    where = {name: str(value) for name, value in asdict(server).items()} | {"port": port}

    def subject() -> Measured:
        measured = measure(
            f"benchmarks.subjects.couriers:{function}", server=where, hashes=hashes, folder=str(folder)
        )
        assert measured.found == sum(file.stat().st_size for file in folder.iterdir())
        shutil.rmtree(folder)
        return measured

    return subject


def _figure(what: str, ours: Measured, baseline: str, theirs: Measured, least: float) -> Figure:
    ratio = theirs.seconds / ours.seconds
    return Figure(
        f"{what}: MiB/s", _speed(ours), baseline, _speed(theirs), ratio, f"at least {least:g}×", ratio >= least
    )


def _speed(run: Measured) -> str:
    return f"{run.found / MIB / run.seconds:.0f} MiB/s; {run.found / MIB / run.cpu_seconds:.0f} per CPU s"
