"""Acknowledgements: a day is accepted once, and again only if something of it was delivered since."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from optimove_pipeline.acknowledgements import Acknowledgement, Sign, accept, accepted
from optimove_pipeline.ledger import ledger_file

DAY = date(2026, 11, 20)
AT = 1_700_000_000.0


def test_a_day_accepted_tells_when_and_by_what(tmp_path: Path) -> None:
    path = ledger_file(tmp_path)
    assert accept(path, "datasets", DAY, AT - 60, Sign.DAY_COMPLETED, AT)
    assert accepted(path, "datasets") == {DAY: Acknowledgement("datasets", DAY, AT, Sign.DAY_COMPLETED)}
    assert accepted(path, "customers") == {}


def test_a_day_is_accepted_once(tmp_path: Path) -> None:
    path = ledger_file(tmp_path)
    accept(path, "datasets", DAY, AT - 60, Sign.DAY_COMPLETED, AT)
    assert not accept(path, "datasets", DAY, AT - 60, Sign.LAST_DATA_UPDATE, AT + 60)
    assert accepted(path, "datasets")[DAY].accepted_by is Sign.DAY_COMPLETED


def test_what_is_delivered_after_it_is_accepted_anew(tmp_path: Path) -> None:
    path = ledger_file(tmp_path)
    accept(path, "datasets", DAY, AT - 60, Sign.DAY_COMPLETED, AT)
    assert accept(path, "datasets", DAY, AT + 3600, Sign.LAST_DATA_UPDATE, AT + 7200)
    assert accepted(path, "datasets")[DAY] == Acknowledgement("datasets", DAY, AT + 7200, Sign.LAST_DATA_UPDATE)
