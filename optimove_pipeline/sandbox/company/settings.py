"""The settings with which the company sends its data to Optimove, in the shape of the settings file."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from optimove_pipeline.sandbox.company.exports import exports_of
from optimove_pipeline.sandbox.places import TRIALS

TENANT = 4711
"""The number that Optimove gave the company."""

_DEVICES = {"column": "device", "values": {"web": "Web", "ios": "iOS", "android": "Android"}}
_CURRENCY = {"constant": "EUR"}

_CUSTOMERS: dict[str, Any] = {
    "table": "crm.player_changes",
    "columns": {
        "Player_ID": "player_id",
        "Registration_Date": {"column": "joined_on", "format": "%d.%m.%Y"},
        "Email": "email",
        "Mobile_Number": "phone",
        "Date_Of_Birth": "birth_date",
        "Is_OptIn": "opted_in",
        "Allow_Email": "email_ok",
        "Allow_SMS": "sms_ok",
        "Is_Blocked": "blocked",
        "Is_Test": "test_account",
        "Gender": {"column": "sex", "values": {"F": "Female", "M": "Male"}},
        "Country": "country",
        "City": "city",
        "First_Name": "first_name",
        "Last_Name": "last_name",
        "Language": "language",
        "Currency": _CURRENCY,
        "Brand": {"constant": "SuperBrand"},
        "Balance": "balance",
        "LastUpdated": "changed_at",
    },
    "omit": [
        "Allow_Push",
        "Is_Email_Verified",
        "Is_SMS_Verified",
        "Address",
        "Alias",
        "Referral_Type",
        "Affiliate_ID",
        "Platform",
        "Promo_Code",
        "License",
    ],
}

_TRANSACTIONS: dict[str, Any] = {
    "table": "cashier.payments",
    "columns": {
        "Transaction_ID": "payment_no",
        "Player_ID": "player",
        "Transaction_Date": "created_at",
        "Transaction_Type": {"column": "kind", "values": {"DEP": "Deposit", "WD": "Withdraw", "BON": "Bonus"}},
        "Transaction_Amount": "amount",
        "Status": {"column": "state", "values": {"ok": "completed", "open": "pending"}},
        "Currency": _CURRENCY,
        "Platform": _DEVICES,
        "Payment_Method": "method",
        "LastUpdated": "changed_at",
    },
    "omit": ["Brand", "License"],
}

_GAMES: dict[str, Any] = {
    "table": "casino.rounds_daily",
    "columns": {
        "Game_Date": "day",
        "Player_ID": "player",
        "Game_ID": "game",
        "Platform": _DEVICES,
        "Real_Bet_Amount": "staked",
        "Real_Win_Amount": "won",
        "Bonus_Bet_Amount": "bonus_staked",
        "Bonus_Win_Amount": "bonus_won",
        "Number_Of_Bets": "rounds",
        "Currency": _CURRENCY,
        "LastUpdated": "changed_at",
    },
    "omit": ["Rollback_Amount"],
}

# Each night's list of games is a file of its own, so that an old day's can be read again.
_CATALOG: dict[str, Any] = {
    "source": "exports",
    "table": "games_{date:%Y-%m-%d}.csv",
    "columns": {
        "Game_ID": "code",
        "Game_Name": "title",
        "Game_Category": "category",
        "Game_Type": "kind",
        "Provider_Name": "studio",
    },
}

_EVENTS: dict[str, Any] = {
    "table": "app.events",
    "change_column": "stored_at",
    "columns": {
        "tenant": {"constant": TENANT},
        "timestamp": "occurred_at",
        "event": {
            "column": "name",
            "values": {"login": "ootb_login", "deposit": "ootb_deposit", "visit": "set_page_visit"},
        },
        "customer": "player",
        "context": "details",
        "event_id": "id",
        "LastUpdated": "stored_at",
    },
}


def company_settings(path: Path, today: date) -> dict[str, Any]:
    """``sources`` and ``datasets`` of a settings file that sends this database: a casino's five tables.

    The days of this year are sent by their changes, in January those of the last half-year too; what changed before
    is in the initial full load.
    """
    return {
        "sources": {
            "company": {"kind": "duckdb", "path": str(path)},
            "exports": {
                "kind": "files",
                "location": str(exports_of(path)),
                "format": "csv",
                "csv": {"delimiter": ";"},
            },
        },
        "datasets": {
            "preset": "casino",
            "source": "company",
            "change_column": "changed_at",
            "first_day": _first_day(today),
            # The support desk makes its mistakes on quiet days as well.
            "tolerated_share": 0.1,
            "each": {
                "customers": _CUSTOMERS,
                "transactions": _TRANSACTIONS,
                "games": _GAMES,
                "game_types_and_categories": _CATALOG,
                "events": _EVENTS,
            },
        },
    }


def _first_day(today: date) -> date:
    # On 1 January no day of the year has ended yet.
    return date(today.year - 1, 7, 1) if today.month == 1 else date(today.year, 1, 1)


def target_settings(sftp: Mapping[str, Any]) -> dict[str, Any]:
    """``targets`` of a settings file that delivers to the sandbox; ``sftp`` has the fields of ``Receiver``."""
    return {
        "targets": {
            "sandbox": {
                "kind": "sftp",
                "host": sftp["host"],
                "port": sftp["port"],
                "username": sftp["username"],
                "key_file": sftp["key_file"],
                "host_keys": [sftp["host_key"]],
                "folder": sftp["folder"],
                "test_folder": TRIALS,
            }
        }
    }
