"""Landing: an answer that has arrived is never asked for again, as long as it may be used."""

import gzip
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from optimove_pipeline.errors import AnswerError, TransientError
from optimove_pipeline.optimove.answers import read_frames
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.landing import LandedCall, Landing, Page

DAY = date(2026, 11, 19)
HOUR = 3600.0
REPORT = BY_NAME["customer_action_details_by_date"]
CALL = Call(REPORT.function, (("Date", "2026-11-19"),), REPORT.name, DAY, paged=True)
FRAMES = partial(read_frames, columns=REPORT.columns, block_bytes=200)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path / "landing")


@pytest.fixture
def landed(landing: Landing) -> LandedCall:
    return landing.call(CALL, FRAMES)


def rows(first: int, count: int) -> list[dict[str, Any]]:
    return [
        {"CustomerID": f"C{number}", "RecipientGroupID": 1, "ActionID": 23, "ChannelID": 504}
        for number in range(first, first + count)
    ]


def receive(landed: LandedCall, skip: int, content: bytes) -> Path:
    received = landed.incoming(skip)
    received.write_bytes(content)
    return received


def keep(landed: LandedCall, skip: int, count: int) -> Page:
    received = receive(landed, skip, json.dumps(rows(skip, count)).encode())
    page = landed.keep(received, skip)
    received.unlink()
    return page


def customers(pages: Sequence[Page]) -> list[str]:
    return [value for page in pages for file in page.files for value in pl.read_parquet(file.path)["customer_id"]]


def unreadable(_: Path) -> Iterator[pl.DataFrame]:
    raise AssertionError("an answer was read again")


def test_kept_answers_are_there_again_in_order_and_not_read_twice(landing: Landing, landed: LandedCall) -> None:
    kept = [keep(landed, 0, 20), keep(landed, 20, 3), landed.keep_empty(23)]
    again = landing.call(CALL, unreadable).pages()
    assert again == kept
    assert customers(again) == [f"C{number}" for number in range(23)]
    assert [(page.skip, page.rows) for page in again] == [(0, 20), (20, 3), (23, 0)]


def test_pages_end_before_a_gap(landed: LandedCall) -> None:
    keep(landed, 0, 2)
    keep(landed, 5, 2)
    assert [page.skip for page in landed.pages()] == [0]


def test_nothing_landed_is_no_page(landed: LandedCall) -> None:
    assert landed.pages() == []


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_an_answer_that_was_not_read_yet_is_read_again_instead_of_asked(landed: LandedCall, compress: Any) -> None:
    content = compress(json.dumps(rows(0, 12)).encode())
    received = receive(landed, 0, content)
    with pytest.raises(KeyboardInterrupt):
        LandedCall(landed.folder, interrupted).keep(received, 0)
    received.unlink()
    (page,) = landed.pages()
    assert (page.rows, page.size) == (12, len(content))
    assert customers([page]) == [f"C{number}" for number in range(12)]


def interrupted(path: Path) -> Iterator[pl.DataFrame]:
    yield next(FRAMES(path))
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (json.dumps(rows(0, 12)).encode()[:-40], TransientError),
        (gzip.compress(json.dumps(rows(0, 12)).encode())[:-12], TransientError),
        (b"<html></html>", AnswerError),
        (b'[{"CustomerID": "1"}] and more', AnswerError),
    ],
)
def test_a_torn_or_foreign_answer_is_not_kept(landed: LandedCall, content: bytes, error: type[Exception]) -> None:
    received = receive(landed, 0, content)
    with pytest.raises(error):
        landed.keep(received, 0)
    assert not [*landed.folder.glob("*.answer")]
    assert landed.pages() == []


def test_an_unread_answer_that_proves_torn_is_asked_for_again(landed: LandedCall) -> None:
    received = receive(landed, 0, json.dumps(rows(0, 12)).encode()[:-40])
    with pytest.raises(KeyboardInterrupt):
        LandedCall(landed.folder, interrupted).keep(received, 0)
    assert landed.pages() == []
    assert keep(landed, 0, 2).rows == 2


@pytest.mark.parametrize("harm", [Path.unlink, partial(os.truncate, length=0), partial(os.truncate, length=40)])
def test_rows_that_a_stopped_machine_lost_are_read_from_the_answer_again(
    landed: LandedCall, harm: Callable[[Path], None]
) -> None:
    kept = keep(landed, 0, 20)
    harm(kept.files[0].path)

    (page,) = landed.pages()

    assert (page.rows, page.fingerprint) == (20, kept.fingerprint)
    assert customers([page]) == [f"C{number}" for number in range(20)]


def test_an_answer_is_on_the_disk_before_it_counts(landed: LandedCall, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[tuple[str, int]] = []
    link = os.link

    def counted(old: Path, new: Path) -> None:
        steps.append(("counts", old.stat().st_ino))
        link(old, new)

    monkeypatch.setattr(os, "fsync", lambda file: steps.append(("on disk", os.fstat(file).st_ino)))
    monkeypatch.setattr(os, "link", counted)
    answer = receive(landed, 0, b"[]").stat().st_ino

    landed.keep(landed.incoming(0), 0)

    assert steps[:2] == [("on disk", answer), ("counts", answer)]


def test_files_of_an_answer_still_on_its_way_are_no_page(landed: LandedCall) -> None:
    receive(landed, 0, b"[{").with_suffix(".incoming.ab12.part").write_bytes(b"[{")
    assert landed.pages() == []


def test_an_answer_that_comes_again_takes_the_place_of_the_first(landed: LandedCall) -> None:
    keep(landed, 0, 5)
    keep(landed, 0, 3)
    assert [page.rows for page in landed.pages()] == [3]


def test_the_fingerprint_tells_the_same_rows_in_any_order_from_others(landed: LandedCall, landing: Landing) -> None:
    other = landing.call(Call("f", (), REPORT.name, DAY), FRAMES)
    page = keep(landed, 0, 20)
    shuffled = other.keep(receive(other, 0, json.dumps(rows(0, 20)[::-1]).encode()), 0)
    different = other.keep(receive(other, 20, json.dumps(rows(1, 20)).encode()), 20)
    assert page.fingerprint == shuffled.fingerprint
    assert page.fingerprint != different.fingerprint


def test_a_forgotten_page_is_not_there_again(landed: LandedCall) -> None:
    keep(landed, 0, 2)
    landed.forget(keep(landed, 2, 2))
    assert [page.skip for page in landed.pages()] == [0]


def claim(landing: Landing, run: str, ended_early: Sequence[str] = (), hours: float = 12, **more: float) -> bool:
    return landing.claim(REPORT.name, DAY, run, lambda other: other in ended_early, hours, **more)


def make_old(landed: LandedCall, hours: float) -> None:
    """Make the pages of a call old, and the folders new, as if other calls had begun since."""
    then = time.time() - hours * HOUR
    for file in landed.folder.iterdir():
        os.utime(file, (then, then))


def test_a_first_claim_finds_nothing(landing: Landing) -> None:
    assert not claim(landing, "run-1")
    assert not claim(landing, "run-2")


@pytest.mark.parametrize(
    ("run", "ended_early", "resumed"),
    [("run-1", (), True), ("run-2", ("run-1",), True), ("run-2", (), False), ("run-2", ("run-0",), False)],
)
def test_only_answers_of_the_same_run_or_one_that_ended_early_are_used(
    landing: Landing, landed: LandedCall, run: str, ended_early: Sequence[str], resumed: bool
) -> None:
    claim(landing, "run-1")
    keep(landed, 0, 2)
    assert claim(landing, run, ended_early) is resumed
    assert len(landed.pages()) == resumed


def test_a_chain_of_runs_that_ended_early_is_followed(landing: Landing, landed: LandedCall) -> None:
    claim(landing, "run-1")
    keep(landed, 0, 2)
    assert claim(landing, "run-2", ["run-1"])
    assert claim(landing, "run-3", ["run-2"])
    assert len(landed.pages()) == 1


def test_a_page_landed_just_now_keeps_the_day_fresh_and_nothing_else_does(
    landing: Landing, landed: LandedCall
) -> None:
    claim(landing, "run-1")
    keep(landed, 0, 2)
    make_old(landed, 11)
    assert claim(landing, "run-2", ["run-1"])
    keep(landed, 2, 2)
    day = landed.folder.parent
    os.utime(day, (0, 0))
    os.utime(landed.folder, (0, 0))
    assert claim(landing, "run-3", ["run-2"])
    assert len(landed.pages()) == 2
    make_old(landed, 13)
    receive(landed, 4, b"[{")
    assert not claim(landing, "run-4", ["run-3"])
    assert landed.pages() == []


def test_with_no_hours_nothing_is_used_again(landing: Landing, landed: LandedCall) -> None:
    claim(landing, "run-1")
    keep(landed, 0, 2)
    assert not claim(landing, "run-1", hours=0)
    assert landed.pages() == []


def test_what_was_landed_since_a_run_asked_is_as_new_as_its_own(landing: Landing, landed: LandedCall) -> None:
    asked = time.time() - 60
    claim(landing, "run-1")
    keep(landed, 0, 2)
    assert claim(landing, "run-2", asked=asked)
    assert not claim(landing, "run-3", asked=time.time() + 60)
    assert landed.pages() == []


def test_what_was_complete_only_after_a_run_asked_is_as_new_as_its_own(landing: Landing, landed: LandedCall) -> None:
    claim(landing, "run-1")
    keep(landed, 0, 2)
    make_old(landed, 1)
    os.utime(landed.folder.parent / "claim.json", (0, 0))
    asked = time.time() - 60
    landing.complete(REPORT.name, DAY, "run-1")
    assert claim(landing, "run-2", asked=asked)
    assert len(landed.pages()) == 1


def test_discarded_answers_are_not_used_again_by_any_run(landing: Landing, landed: LandedCall) -> None:
    claim(landing, "run-1")
    keep(landed, 0, 2)
    landing.discard(REPORT.name, DAY)
    landing.discard(REPORT.name, date(2026, 11, 18))
    assert not claim(landing, "run-1", ["run-1"], asked=0)
    assert landed.pages() == []


def test_a_claim_concerns_its_own_day_and_report_only(landing: Landing, landed: LandedCall) -> None:
    claim(landing, "run-1")
    keep(landed, 0, 2)
    landing.claim(REPORT.name, date(2026, 11, 18), "run-2", lambda _: False, 12)
    landing.claim("promo_codes", DAY, "run-2", lambda _: False, 12)
    assert len(landed.pages()) == 1


def test_answers_are_swept_after_their_days_with_the_lock(landing: Landing, landed: LandedCall) -> None:
    claim(landing, "run-1")
    keep(landed, 0, 2)
    lock = landing.lock(REPORT.name, DAY)
    lock.touch()
    assert landing.sweep(7, now=time.time() + 6 * 24 * HOUR) == 0
    assert (len(landed.pages()), lock.exists()) == (1, True)
    assert landing.sweep(7, now=time.time() + 8 * 24 * HOUR) == 1
    assert (landed.pages(), lock.exists()) == ([], False)


def test_sweeping_goes_by_the_newest_page(landing: Landing, landed: LandedCall) -> None:
    claim(landing, "run-1")
    os.utime(landed.folder.parent / "claim.json", (0, 0))
    keep(landed, 0, 2)
    os.utime(landed.folder.parent, (0, 0))
    assert landing.sweep(7) == 0
    make_old(landed, 8 * 24)
    assert landing.sweep(7) == 1
