"""The tables of the company's database: names, columns and DuckDB types. Times are UTC without a zone."""

from collections.abc import Mapping
from types import MappingProxyType

TABLES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "crm.player_changes": {
            "player_id": "VARCHAR",
            "email": "VARCHAR",
            "phone": "VARCHAR",
            "first_name": "VARCHAR",
            "last_name": "VARCHAR",
            "birth_date": "VARCHAR",
            "sex": "VARCHAR",
            "country": "VARCHAR",
            "city": "VARCHAR",
            "language": "VARCHAR",
            "joined_on": "VARCHAR",
            "opted_in": "BOOLEAN",
            "email_ok": "BOOLEAN",
            "sms_ok": "BOOLEAN",
            "blocked": "BOOLEAN",
            "test_account": "BOOLEAN",
            "balance": "DECIMAL(12,2)",
            "changed_at": "TIMESTAMP",
        },
        "cashier.payments": {
            "payment_no": "BIGINT",
            "player": "VARCHAR",
            "kind": "VARCHAR",
            "amount": "DECIMAL(18,5)",
            "state": "VARCHAR",
            "method": "VARCHAR",
            "device": "VARCHAR",
            "created_at": "TIMESTAMP",
            "changed_at": "TIMESTAMP",
        },
        "casino.rounds_daily": {
            "day": "DATE",
            "player": "VARCHAR",
            "game": "VARCHAR",
            "device": "VARCHAR",
            "rounds": "INTEGER",
            "staked": "DECIMAL(14,2)",
            "won": "DECIMAL(14,2)",
            "bonus_staked": "DECIMAL(14,2)",
            "bonus_won": "DECIMAL(14,2)",
            "changed_at": "TIMESTAMP",
        },
        "casino.games": {
            "code": "VARCHAR",
            "title": "VARCHAR",
            "category": "VARCHAR",
            "kind": "VARCHAR",
            "studio": "VARCHAR",
            "changed_at": "TIMESTAMP",
        },
        "app.events": {
            "id": "VARCHAR",
            "occurred_at": "TIMESTAMP",
            "name": "VARCHAR",
            "player": "VARCHAR",
            "visitor": "VARCHAR",
            "details": "JSON",
            "stored_at": "TIMESTAMP",
        },
    }
)
"""Each table's columns and their types. ``crm.player_changes`` keeps every version of a player: nothing is updated in
place there, so an old day can be read again as it was."""

VIEWS: Mapping[str, str] = MappingProxyType(
    {
        "crm.players": "SELECT * FROM crm.player_changes "
        "QUALIFY row_number() OVER (PARTITION BY player_id ORDER BY changed_at DESC) = 1"
    }
)
"""Each view's query. ``crm.players`` are the players as they are now."""
