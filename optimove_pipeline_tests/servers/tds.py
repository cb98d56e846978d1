"""The wire of SQL Server for tests: messages and tokens of TDS 7.4, as far as Microsoft's own driver uses them.

What is read and written here follows Microsoft's publication of the protocol, [MS-TDS].
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any

COLLATION = b"\x09\x04\xd0\x00\x34"
PACKET_SIZE = 4096
"""The size of packets before a client has chosen one."""
_FIRST_DAY = date(1, 1, 1)
_LONG = 0xFFFF
_NULL_LONG = 2**64 - 1
_MICROSECONDS = 6
_MORE, _ERROR, _COUNTED = 0x1, 0x2, 0x10


class Message(IntEnum):
    """The types of messages from clients."""

    BATCH = 0x01
    ATTENTION = 0x06
    BULK = 0x07
    TRANSACTION = 0x0E
    LOGIN = 0x10
    PRELOGIN = 0x12


@dataclass(frozen=True, slots=True)
class Login:
    """What a client says of itself."""

    username: str
    password: str
    database: str
    version: int
    packet_size: int


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result; ``kind`` is one of the letters of ``_KINDS``, digits are those of decimals."""

    name: str
    kind: str
    digits: tuple[int, int] = (38, 0)


_KINDS = {
    "integer": b"\x26\x08",
    "flag": b"\x68\x01",
    "decimal": b"\x6a\x11",
    "date": b"\x28",
    "time": b"\x2a\x06",
    "text": b"\xe7\xff\xff" + COLLATION,
    "bytes": b"\xa5\x40\x1f",
}


def read_message(client: socket.socket) -> tuple[int, bytes]:
    """Return a message's type and content. Raises ``EOFError`` when the client has gone."""
    content = b""
    while True:
        kind, status, length = struct.unpack(">BBH", _read(client, 8)[:4])
        content += _read(client, length - 8)
        if status & 1:
            return kind, content


def send(client: socket.socket, content: bytes, packet_size: int) -> None:
    """Send an answer."""
    size = packet_size - 8
    packets = [content[at : at + size] for at in range(0, max(len(content), 1), size)]
    for number, packet in enumerate(packets, 1):
        last = number == len(packets)
        client.sendall(struct.pack(">BBHHBB", 4, last, len(packet) + 8, 0, number & 255, 0) + packet)


def _read(client: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        more = client.recv(size - len(content))
        if not more:
            raise EOFError
        content += more
    return content


def prelogin() -> bytes:
    """Return the answer of a server that encrypts nothing."""
    options = [(0, b"\x10\x00\x03\xe8\x00\x00"), (1, b"\x02"), (2, b"\x00"), (3, b""), (4, b"\x00")]
    head, body = b"", b""
    for kind, value in options:
        head += struct.pack(">BHH", kind, 5 * len(options) + 1 + len(body), len(value))
        body += value
    return head + b"\xff" + body


def read_login(content: bytes) -> Login:
    """Return what a LOGIN7 message holds."""

    def field(number: int) -> bytes:
        offset, characters = struct.unpack_from("<HH", content, 36 + 4 * number)
        return content[offset : offset + 2 * characters]

    password = bytes(((byte ^ 0xA5) >> 4 | ((byte ^ 0xA5) << 4)) & 255 for byte in field(2))
    version, packet_size = struct.unpack_from("<II", content, 4)
    return Login(
        field(1).decode("utf-16-le"),
        password.decode("utf-16-le"),
        field(8).decode("utf-16-le"),
        version,
        packet_size or PACKET_SIZE,
    )


def logged_in(login: Login) -> bytes:
    """Return the answer to a login that is accepted."""
    changes = [_changed(1, login.database, "master"), _changed(4, str(login.packet_size), "4096")]
    collation = b"\xe3" + struct.pack("<H", 8) + b"\x07\x05" + COLLATION + b"\x00"
    told = b"\x01" + struct.pack(">I", login.version) + _short("Microsoft SQL Server") + b"\x10\x00\x03\xe8"
    return b"".join(changes) + collation + b"\xad" + struct.pack("<H", len(told)) + told + done()


def _changed(kind: int, new: str, old: str) -> bytes:
    body = bytes([kind]) + _short(new) + _short(old)
    return b"\xe3" + struct.pack("<H", len(body)) + body


def transaction_changed(request: int) -> bytes:
    """Return the answer to a request to begin (5), commit (7) or roll back (8)."""
    number = struct.pack("<Q", 1)
    body = bytes([8, 8]) + number + b"\0" if request == 5 else bytes([request + 2, 0, 8]) + number
    return b"\xe3" + struct.pack("<H", len(body)) + body + done()


def error(number: int, text: str, severity: int) -> bytes:
    """Return the answer that tells of an error, and ends."""
    body = struct.pack("<IBB", number, 1, severity) + struct.pack("<H", len(text)) + text.encode("utf-16-le")
    body += _short("stub") + _short("") + struct.pack("<I", 1)
    return b"\xaa" + struct.pack("<H", len(body)) + body + _done(_ERROR, 0)


def done(rows: int | None = None, *, more: bool = False) -> bytes:
    """Return the end of a statement's answer; ``rows`` is their number, if the statement has one."""
    return _done((0 if rows is None else _COUNTED) | (_MORE if more else 0), rows or 0)


def _done(status: int, rows: int) -> bytes:
    return struct.pack("<BHHQ", 0xFD, status, 0, rows)


def result(columns: Sequence[Column], rows: Sequence[Sequence[Any]], *, more: bool = False) -> bytes:
    """Return a result with its end."""
    described = [
        struct.pack("<IH", 0, 9) + _KINDS[each.kind] + (bytes(each.digits) if each.kind == "decimal" else b"")
        + _short(each.name)
        for each in columns
    ]  # fmt: skip
    content = [b"\x81", struct.pack("<H", len(columns)), *described]
    for row in rows:
        content += [b"\xd1", *(_written(value, each) for value, each in zip(row, columns, strict=True))]
    return b"".join(content) + done(len(rows), more=more)


def _written(value: Any, column: Column) -> bytes:
    if column.kind == "text":
        return struct.pack("<Q", _NULL_LONG) if value is None else _long(str(value).encode("utf-16-le"))
    if column.kind == "bytes":
        return b"\xff\xff" if value is None else struct.pack("<H", len(value)) + value
    content = b"" if value is None else _fixed(value, column)
    return bytes([len(content)]) + content


def _long(content: bytes) -> bytes:
    pieces = struct.pack("<I", len(content)) + content if content else b""
    return struct.pack("<Q", len(content)) + pieces + struct.pack("<I", 0)


def _fixed(value: Any, column: Column) -> bytes:
    match column.kind:
        case "integer":
            return struct.pack("<q", value)
        case "flag":
            return bytes([value])
        case "decimal":
            whole: int = int(Decimal(value).scaleb(column.digits[1]))
            return bytes([whole >= 0]) + abs(whole).to_bytes(16, "little")
        case "date":
            return _days(value)
        case _:
            since: timedelta = value - datetime.combine(value.date(), datetime.min.time())
            return (since // timedelta(microseconds=1)).to_bytes(5, "little") + _days(value.date())


def _days(day: date) -> bytes:
    return (day - _FIRST_DAY).days.to_bytes(3, "little")


def _short(text: str) -> bytes:
    return bytes([len(text)]) + text.encode("utf-16-le")


@dataclass(slots=True)
class _Reader:
    """Reads a bulk load from its start."""

    content: bytes
    at: int = 0

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(f"<{form}", self.content, self.at)
        self.at += struct.calcsize(f"<{form}")
        return int(value)

    def take(self, size: int) -> bytes:
        self.at += size
        return self.content[self.at - size : self.at]

    def name(self) -> str:
        return self.take(2 * self.number("B")).decode("utf-16-le")


def read_bulk(content: bytes) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the names of the columns of a bulk load, and its rows."""
    reader = _Reader(content, 1)
    names, types = [], []
    for _ in range(reader.number("H")):
        reader.take(6)
        types.append(_type(reader))
        names.append(reader.name())
    rows = []
    while (token := reader.number("B")) in {0xD1, 0xD2}:
        nulls = reader.take((len(types) + 7) // 8) if token == 0xD2 else b""
        is_null = [bool(nulls) and bool(nulls[at // 8] >> at % 8 & 1) for at in range(len(types))]
        rows.append(tuple(None if null else _value(reader, *kind) for null, kind in zip(is_null, types, strict=True)))
    return names, rows


def _type(reader: _Reader) -> tuple[int, int]:
    """Return a type's code, and its length or scale."""
    code = reader.number("B")
    match code:
        case 0x28:
            return code, 0
        case 0x6A | 0x6C:
            return code, reader.take(3)[2]
        case 0xE7:
            length = reader.number("H")
            reader.take(5)
            return code, length
        case 0x26 | 0x68 | 0x2A:
            return code, reader.number("B")
    raise NotImplementedError(f"type {code:#x} in a bulk load")


def _value(reader: _Reader, code: int, extent: int) -> Any:
    if code == 0xE7:
        content = _text(reader, extent)
        return None if content is None else content.decode("utf-16-le")
    content = reader.take(reader.number("B"))
    return _unfixed(content, code, extent) if content else None


def _text(reader: _Reader, length: int) -> bytes | None:
    if length != _LONG:
        size = reader.number("H")
        return None if size == _LONG else reader.take(size)
    if reader.number("Q") == _NULL_LONG:
        return None
    content = b""
    while size := reader.number("I"):
        content += reader.take(size)
    return content


def _unfixed(content: bytes, code: int, scale: int) -> Any:
    match code:
        case 0x26:
            return int.from_bytes(content, "little", signed=len(content) > 1)
        case 0x68:
            return bool(content[0])
        case 0x6A | 0x6C:
            size = Decimal(int.from_bytes(content[1:], "little")).scaleb(-scale)
            return size if content[0] else -size
        case 0x28:
            return _FIRST_DAY + timedelta(days=int.from_bytes(content, "little"))
        case _:
            day = _FIRST_DAY + timedelta(days=int.from_bytes(content[-3:], "little"))
            count = int.from_bytes(content[:-3], "little") * 10 ** (_MICROSECONDS - scale)
            return datetime(day.year, day.month, day.day, tzinfo=UTC).replace(tzinfo=None) + timedelta(
                microseconds=count
            )
