"""Requests: runs that are wanted, filed below ``data/requests`` until Dagster has taken each of them up.

Whoever wants runs files requests: the launchpad, or a sensor that has found a day ready. One sensor turns them into
runs. A request is a file that appears whole, and that stays, with a mark once its run exists; so its key can be filed
once and never again, by however many processes at once, and however any of them dies.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

from optimove_pipeline.files import write_atomically
from optimove_pipeline.optimove.budget import CallClass


@dataclass(frozen=True, slots=True)
class Request:
    """One run that is wanted: some reports for a range of days, the last included.

    Attributes:
        reports: names of the catalogue, exactly those to pull; what they read must be named too, or be held.
        filters: fields of ``reports.filters`` that differ in this run, as in the settings' file.
        reason: why it was filed, for a person.
        key: identifies the request for ever; filing the same key again does nothing.
    """

    reports: tuple[str, ...]
    first: date
    last: date
    call_class: CallClass
    reason: str
    key: str
    filters: Mapping[str, Any] = field(default_factory=dict)


def file_request(data_dir: Path, request: Request) -> bool:
    """File a request durably; return whether its key was new."""
    file = _file(data_dir, request.key)
    partial = file.with_name(f".{file.stem}.{uuid.uuid4().hex[:8]}")
    write_atomically(partial, _document(request))
    try:
        # Unlike a renaming, a link is refused where the file exists.
        os.link(partial, file)
    except FileExistsError:
        return False
    finally:
        partial.unlink()
    return True


def pending(data_dir: Path) -> list[Request]:
    """Return the requests that are not marked as done: those of the daily run first, then in the order of filing."""
    files = _folder(data_dir).glob("*.json")
    documents = [json.loads(file.read_bytes()) for file in files if not _mark(file).exists()]
    return [_request(document) for document in sorted(documents, key=_turn)]


def done(data_dir: Path, key: str) -> None:
    """Mark a request as done; its run exists."""
    write_atomically(_mark(_file(data_dir, key)), b"")


def _folder(data_dir: Path) -> Path:
    return data_dir / "requests"


def _file(data_dir: Path, key: str) -> Path:
    return _folder(data_dir) / f"{sha256(key.encode()).hexdigest()[:32]}.json"


def _mark(file: Path) -> Path:
    return file.with_suffix(".done")


def _document(request: Request) -> bytes:
    days = {"first": request.first.isoformat(), "last": request.last.isoformat()}
    return json.dumps(asdict(request) | days | {"filed_at": time.time_ns()}, indent=1).encode()


def _turn(document: Mapping[str, Any]) -> tuple[bool, int, str]:
    return document["call_class"] != CallClass.DAILY.value, document["filed_at"], document["key"]


def _request(document: Mapping[str, Any]) -> Request:
    return Request(
        reports=tuple(document["reports"]),
        first=date.fromisoformat(document["first"]),
        last=date.fromisoformat(document["last"]),
        call_class=CallClass(document["call_class"]),
        reason=document["reason"],
        key=document["key"],
        filters=document["filters"],
    )
