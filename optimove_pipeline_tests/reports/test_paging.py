"""Paging: every row once, no page asked for twice, and no loop without end."""

import asyncio
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import polars as pl
import pytest

from optimove_pipeline.errors import AnswerError, ApiError
from optimove_pipeline.optimove.answers import read_frames
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.reports.landing import LandedCall, Landing, Page
from optimove_pipeline.reports.paging import PagingRule, land
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline.sandbox.truth import truth
from optimove_pipeline_tests.reports.extracting import DAY, DAY_BEFORE, TODAY, asked, client_of

REPORT = BY_NAME["customer_action_details_by_date"]
FUNCTION = REPORT.function.partition("/")[2]
CAP = 20
FRAMES = partial(read_frames, columns=REPORT.columns)


@pytest.fixture(scope="module")
def started_with_cap() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=TODAY, windows=(), page_cap=CAP) as sandbox:
        yield sandbox


@pytest.fixture
def capped(started_with_cap: RunningSandbox) -> RunningSandbox:
    """A sandbox that serves at most ``CAP`` rows in a page, whatever is asked for."""
    started_with_cap.reset()
    return started_with_cap


def planned(day: object = DAY, *, paged: bool = True) -> Call:
    return Call(REPORT.function, (("Date", str(day)),), REPORT.name, DAY, paged=paged)


def landed_call(folder: Path, call: Call) -> LandedCall:
    return Landing(folder / "landing").call(call, FRAMES)


def pull(sandbox: RunningSandbox, folder: Path, rule: PagingRule, call: Call | None = None) -> list[Page]:
    """Land a call's pages with a client of its own."""
    call = call or planned()

    async def run() -> list[Page]:
        async with client_of(sandbox.url, sandbox.key, folder) as client:
            return await land(client, call, landed_call(folder, call), rule)

    return asyncio.run(run())


def customers(pages: list[Page]) -> list[str]:
    return sorted(
        value for page in pages for file in page.files for value in pl.read_parquet(file.path)["customer_id"]
    )


def true_customers(sandbox: RunningSandbox) -> list[str]:
    return sorted(str(row["customer_id"]) for row in truth(sandbox.tenant, REPORT.name, DAY))


def skips(sandbox: RunningSandbox) -> list[int]:
    return [int(parameters["$skip"]) for parameters in asked(sandbox, FUNCTION)]


def test_a_short_page_does_not_end_paging_an_empty_one_does(sandbox: RunningSandbox, tmp_path: Path) -> None:
    pages = pull(sandbox, tmp_path, PagingRule(30))
    everyone = true_customers(sandbox)
    assert customers(pages) == everyone
    assert len(everyone) % 30
    assert skips(sandbox) == [*range(0, len(everyone), 30), len(everyone)]
    assert [page.rows for page in pages][-2:] == [len(everyone) % 30, 0]
    assert {parameters["$top"] for parameters in asked(sandbox, FUNCTION)} == {"30"}


def test_skip_advances_by_the_rows_received_where_the_server_cuts_pages(
    capped: RunningSandbox, tmp_path: Path
) -> None:
    pages = pull(capped, tmp_path, PagingRule(10_000))
    everyone = true_customers(capped)
    assert len(everyone) > 2 * CAP
    assert customers(pages) == everyone
    assert skips(capped) == [*range(0, len(everyone), CAP), len(everyone)]


def test_a_page_shorter_than_a_proven_one_saves_the_last_call(capped: RunningSandbox, tmp_path: Path) -> None:
    rule = PagingRule(10_000, "proven_short_page")
    everyone = true_customers(capped)
    assert len(everyone) % CAP
    assert customers(pull(capped, tmp_path, rule)) == everyone
    assert skips(capped) == [*range(0, len(everyone), CAP)]


def test_a_first_page_proves_nothing_of_itself(sandbox: RunningSandbox, tmp_path: Path) -> None:
    rule = PagingRule(10_000, "proven_short_page")
    pull(sandbox, tmp_path, rule)
    assert len(skips(sandbox)) == 2
    fewer = truth(sandbox.tenant, REPORT.name, DAY_BEFORE)
    assert 0 < len(fewer) < len(true_customers(sandbox))
    assert sum(page.rows for page in pull(sandbox, tmp_path, rule, planned(DAY_BEFORE))) == len(fewer)
    assert len(skips(sandbox)) == 3


@pytest.mark.parametrize("fault", ["not_found", "empty_body", "null_body"])
def test_every_way_of_saying_nothing_ends_paging(sandbox: RunningSandbox, tmp_path: Path, fault: str) -> None:
    everyone = true_customers(sandbox)
    sandbox.faults(Fault(fault, FUNCTION, match={"$skip": len(everyone)}))
    pages = pull(sandbox, tmp_path, PagingRule(30))
    assert customers(pages) == everyone
    assert pages[-1].rows == 0


def test_a_call_without_any_row_is_one_page(sandbox: RunningSandbox, tmp_path: Path) -> None:
    (page,) = pull(sandbox, tmp_path, PagingRule(30), planned("2020-01-01"))
    assert (page.rows, page.files) == (0, ())
    assert pull(sandbox, tmp_path, PagingRule(30), planned("2020-01-01")) == [page]
    assert len(skips(sandbox)) == 1


@pytest.mark.parametrize("stop_at", ["empty_page", "proven_short_page"])
def test_a_server_that_ignores_skip_is_found_out(
    sandbox: RunningSandbox, tmp_path: Path, stop_at: Literal["empty_page", "proven_short_page"]
) -> None:
    sandbox.faults(Fault("repeat_page", FUNCTION))
    with pytest.raises(
        AnswerError, match=r"the page from row 30 repeats an earlier page, so \$skip is ignored"
    ) as caught:
        pull(sandbox, tmp_path, PagingRule(30, stop_at))
    assert "reports.each.customer_action_details_by_date.paged: false" in str(caught.value)
    assert skips(sandbox) == [0, 30]


def test_a_server_that_repeats_its_last_page_is_found_out(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sandbox.faults(Fault("repeat_last_page", FUNCTION))
    with pytest.raises(AnswerError, match="repeats an earlier page"):
        pull(sandbox, tmp_path, PagingRule(30))
    assert len(skips(sandbox)) <= len(true_customers(sandbox)) // 30 + 3


def test_the_repeated_page_is_not_kept(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sandbox.faults(Fault("repeat_page", FUNCTION, match={"$skip": 30}))
    with pytest.raises(AnswerError):
        pull(sandbox, tmp_path, PagingRule(30))
    sandbox.faults()
    assert customers(pull(sandbox, tmp_path, PagingRule(30))) == true_customers(sandbox)
    assert skips(sandbox)[:4] == [0, 30, 30, 60]


def test_a_function_without_pages_is_asked_once_and_without_paging(sandbox: RunningSandbox, tmp_path: Path) -> None:
    pages = pull(sandbox, tmp_path, PagingRule(30), planned(paged=False))
    assert [page.rows for page in pages] == [len(true_customers(sandbox))]
    assert asked(sandbox, FUNCTION) == [{"date": str(DAY)}]
    assert pull(sandbox, tmp_path, PagingRule(30), planned(paged=False)) == pages
    assert len(asked(sandbox, FUNCTION)) == 1


@pytest.mark.parametrize("landed_pages", [1, 2, 3])
def test_after_a_failure_only_the_pages_that_are_missing_are_asked_for(
    sandbox: RunningSandbox, tmp_path: Path, landed_pages: int
) -> None:
    sandbox.faults(Fault("http_500", FUNCTION, match={"$skip": 20 * landed_pages}))
    with pytest.raises(ApiError):
        pull(sandbox, tmp_path, PagingRule(20))
    sandbox.faults()
    before = len(skips(sandbox))
    everyone = true_customers(sandbox)
    assert customers(pull(sandbox, tmp_path, PagingRule(20))) == everyone
    assert skips(sandbox)[before:] == [*range(20 * landed_pages, len(everyone), 20), len(everyone)]


def test_pages_that_are_all_landed_are_not_asked_for(sandbox: RunningSandbox, tmp_path: Path) -> None:
    first = pull(sandbox, tmp_path, PagingRule(30))
    seen = len(skips(sandbox))
    assert pull(sandbox, tmp_path, PagingRule(30)) == first
    assert len(skips(sandbox)) == seen


def test_landed_pages_stay_whole_when_the_page_size_changes(sandbox: RunningSandbox, tmp_path: Path) -> None:
    sandbox.faults(Fault("http_500", FUNCTION, match={"$skip": 30}))
    with pytest.raises(ApiError):
        pull(sandbox, tmp_path, PagingRule(30))
    sandbox.faults()
    assert customers(pull(sandbox, tmp_path, PagingRule(7))) == true_customers(sandbox)


def test_nothing_is_left_of_the_way_in(sandbox: RunningSandbox, tmp_path: Path) -> None:
    pull(sandbox, tmp_path, PagingRule(30))
    left = {path.suffix for path in landed_call(tmp_path, planned()).folder.iterdir()}
    assert left == {".answer", ".json", ".parquet"}
