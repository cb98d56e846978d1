"""What the company's players do on a day: payments, rounds of games, and events of the app."""

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from optimove_pipeline.sandbox.company.games import codes
from optimove_pipeline.sandbox.company.players import active
from optimove_pipeline.sandbox.customers import customer_id
from optimove_pipeline.sandbox.hashing import mix, salt
from optimove_pipeline.sandbox.rows import Row

FAR_FUTURE = datetime.combine(date(2099, 1, 1), time(12))
ORPHAN = "ghost-player"

_KINDS = ("DEP", "DEP", "DEP", "WD", "BON")
_STATES = ("ok", "ok", "ok", "ok", "open", "failed")
_METHODS = ("card", "wallet", "bank", "voucher")
_DEVICES = ("web", "ios", "android")


def payments(seed: int, day: date) -> Iterator[Row]:
    """A day's payments, then four with a mistake: an orphan, two of the future, one of five decimals."""
    numbers = enumerate(who for index in active(seed, day) for who in [index] * (1 if index % 3 else 2))
    number = 0
    for number, index in numbers:
        yield _payment(seed, day, number, customer_id(index))
    someone = customer_id(active(seed, day)[0])
    yield _payment(seed, day, number + 1, ORPHAN)
    yield _payment(seed, day, number + 2, someone) | {"created_at": FAR_FUTURE}
    yield _payment(seed, day, number + 3, someone) | {"changed_at": FAR_FUTURE}
    yield _payment(seed, day, number + 4, someone) | {"amount": Decimal("12.34567")}


def rounds(seed: int, day: date) -> Iterator[Row]:
    """A day's rounds: one row for each player, game and device."""
    for index in active(seed, day):
        bits = mix(index, salt(seed, "rounds", day))
        for turn in range(1 + bits % 3):
            yield _rounds(day, index, turn, mix(turn, salt(seed, "round", day, index)))


def events(seed: int, day: date) -> Iterator[Row]:
    """A day's events of the app: logins, deposits, and visits of people who are not logged in."""
    for number, index in enumerate(active(seed, day)):
        bits = mix(index, salt(seed, "events", day))
        name = ("login", "deposit", "visit")[bits % 3]
        yield _event(day, number, name, index, bits)
        if bits % 2:
            yield _event(day, 1_000 + number, "login", index, bits // 2)


def _payment(seed: int, day: date, number: int, player: str) -> Row:
    bits = mix(number, salt(seed, "payment", day))
    at = _moment(day, bits)
    return {
        "payment_no": int(f"{day:%y%m%d}") * 10_000 + number,
        "player": player,
        "kind": _KINDS[bits % 5],
        "amount": Decimal(500 + bits % 50_000) / 100,
        "state": _STATES[bits // 7 % 6],
        "method": _METHODS[bits // 11 % 4],
        "device": _DEVICES[bits // 13 % 3],
        "created_at": at,
        "changed_at": min(at + timedelta(minutes=bits % 50), datetime.combine(day, time(23, 59, 59))),
    }


def _rounds(day: date, index: int, turn: int, bits: int) -> Row:
    games = codes()
    staked = Decimal(100 + bits % 20_000) / 100
    bonus = Decimal(bits // 7 % 500) / 100
    return {
        "day": day,
        "player": customer_id(index),
        "game": games[(bits + turn) % len(games)],
        "device": _DEVICES[turn],
        "rounds": 1 + bits % 90,
        "staked": staked,
        "won": (staked * (bits % 180) / 100).quantize(Decimal("0.01")),
        "bonus_staked": bonus,
        "bonus_won": (bonus / 2).quantize(Decimal("0.01")),
        "changed_at": datetime.combine(day, time(23, 30 + bits % 30, bits // 31 % 60)),
    }


def _event(day: date, number: int, name: str, index: int, bits: int) -> Row:
    at = _moment(day, bits)
    visit = name == "visit"
    return {
        "id": f"{day:%Y%m%d}-{number:05d}",
        "occurred_at": at + timedelta(microseconds=bits % 1_000_000),
        "name": name,
        "player": None if visit else customer_id(index),
        "visitor": f"{bits:016x}" if visit else None,
        "details": json.dumps(_details(name, number, at, bits), ensure_ascii=False),
        "stored_at": min(at + timedelta(seconds=1 + bits % 90), datetime.combine(day, time(23, 59, 59))),
    }


def _details(name: str, number: int, at: datetime, bits: int) -> Row:
    common: Row = {"platform": _DEVICES[bits // 13 % 3], "brand": "SuperBrand"}
    if name == "login":
        return {"balance": bits % 50_000 / 100, **common}
    if name == "deposit":
        amount = {"transaction_id": f"{at:%y%m%d}{number:05d}", "amount": (500 + bits % 50_000) / 100}
        return {**amount, "method": _METHODS[bits // 11 % 4], "status": "completed", **common}
    return common


def _moment(day: date, bits: int) -> datetime:
    return datetime.combine(day, time()) + timedelta(seconds=bits % 86_000)
