"""A connection of PyMySQL that answers LOAD DATA LOCAL with rows from memory, and with nothing else.

The protocol lets the server name the file that it wants, any file of this machine: this connection opens none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pymysql.connections import Connection, MySQLResult
from pymysql.err import OperationalError

if TYPE_CHECKING:
    _Connection = Connection[Any]
else:
    _Connection = Connection

_BLOCK = 256 * 1024
_NO_ROWS = 2027
"""The client's own number for a message that it can't make sense of."""


class RowsConnection(_Connection):
    """A connection with rows to send; there are none but during ``send_rows``."""

    outgoing: bytes | None = None

    def send_rows(self, sql: str, rows: bytes) -> int:
        """Carry out LOAD DATA LOCAL with these rows; return the number of warnings."""
        self.outgoing = rows
        try:
            self.query(sql)
        finally:
            self.outgoing = None
        return self._result.warning_count or 0 if self._result is not None else 0

    def _read_query_result(self, unbuffered: bool = False) -> int:  # noqa: FBT001, FBT002 - overridden
        self._result = None
        result = _Result(self)
        if unbuffered:
            result.init_unbuffered_query()
        else:
            result.read()
        self._result = result
        if result.server_status is not None:
            self.server_status = result.server_status
        return result.affected_rows or 0


class _Result(MySQLResult):
    def _read_load_local_packet(self, first_packet: Any) -> None:
        connection: Any = self.connection
        rows: bytes = connection.outgoing or b""
        for start in range(0, len(rows), _BLOCK):
            connection.write_packet(rows[start : start + _BLOCK])
        connection.write_packet(b"")
        self._read_ok_packet(connection._read_packet())  # type: ignore[attr-defined] # the stubs leave it out
        if connection.outgoing is None:
            raise OperationalError(_NO_ROWS, "the server asked for a file that it was not offered")
