"""The list of forgotten customers: what is on it stays, and only its owner may read it."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.suppression import Suppressed, listed, release, suppress, suppressed, suppression_file

AT = 1_700_000_000.0


def test_customers_added_are_on_the_list_with_when_and_why(tmp_path: Path) -> None:
    assert suppress(tmp_path, ["A1", "0042"], "request 4711", AT) == 2
    assert suppressed(tmp_path) == {"A1", "0042"}
    assert listed(tmp_path) == [Suppressed("0042", AT, "request 4711"), Suppressed("A1", AT, "request 4711")]


def test_a_customer_added_again_keeps_when_and_why(tmp_path: Path) -> None:
    suppress(tmp_path, ["A1"], "request 4711", AT)
    assert suppress(tmp_path, ["A1", "A2"], "another", AT + 1) == 1
    assert listed(tmp_path)[0] == Suppressed("A1", AT, "request 4711")


def test_customers_released_are_off_the_list(tmp_path: Path) -> None:
    suppress(tmp_path, ["A1", "A2"], "", AT)
    assert release(tmp_path, ["A1", "A3"]) == 1
    assert suppressed(tmp_path) == {"A2"}


def test_a_list_that_was_never_made_is_empty_and_reading_makes_none(tmp_path: Path) -> None:
    assert suppressed(tmp_path) == frozenset()
    assert not suppression_file(tmp_path).exists()


def test_only_the_owner_may_read_the_list(tmp_path: Path) -> None:
    suppress(tmp_path, ["A1"], "", AT)
    for file in suppression_file(tmp_path).parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_list_that_can_not_be_read_never_counts_as_empty(tmp_path: Path) -> None:
    file = suppression_file(tmp_path)
    file.parent.mkdir()
    file.write_bytes(b"this is no database" * 100)
    with pytest.raises(SettingsError, match=r"list of forgotten customers .*suppression\.sqlite: .*not a database"):
        suppressed(tmp_path)


@pytest.mark.parametrize("wrong", ["", " A1", "A1\n"])
def test_an_id_that_no_row_can_have_is_refused_and_none_is_added(tmp_path: Path, wrong: str) -> None:
    with pytest.raises(SettingsError, match="blank"):
        suppress(tmp_path, ["A2", wrong], "", AT)
    assert suppressed(tmp_path) == frozenset()


def test_many_who_add_at_once_lose_nobody(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        added = pool.map(lambda number: suppress(tmp_path, [f"A{number}", "shared"], "", AT), range(16))
        assert sum(added) == 17
    assert len(suppressed(tmp_path)) == 17
