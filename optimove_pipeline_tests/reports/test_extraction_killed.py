"""Extraction killed at any moment: what had arrived is not asked for again, and the rows are the same."""

import asyncio
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.children import child
from optimove_pipeline_tests.reports.extracting import DAY, asked, extraction_of, partition

REPORT = BY_NAME["campaign_interaction_customers"]
DAYS = [DAY - timedelta(days=back) for back in range(2)]
REPORTS = {"filters": {"channels": [504, 505], "events": [1, 2, 3]}}
API = {"concurrency": 4, "page_size": 4}
ASK_SECONDS = 0.02
"""Between two looks at what the sandbox has seen: whoever asks without a pause takes the processor from it."""

CHILD = """
import asyncio, sys
from pathlib import Path
from types import SimpleNamespace
from optimove_pipeline_tests.reports.extracting import extraction_of
from optimove_pipeline_tests.reports.test_extraction_killed import API, DAYS, REPORT, REPORTS

url, key, folder, run = sys.argv[1:]

async def extract():
    options = dict(run=run, resumable=lambda _: True, api=API)
    async with extraction_of(SimpleNamespace(url=url, key=key), Path(folder), REPORTS, **options) as extraction:
        await extraction.run(REPORT, DAYS)

asyncio.run(extract())
"""

Asked = frozenset[tuple[str, str]]
"""The parameters of one page's call, names in lower case."""


def extract(sandbox: RunningSandbox, folder: Path) -> None:
    async def run() -> None:
        options = {"run": "the last", "api": API}
        async with extraction_of(sandbox, folder, REPORTS, resumable=lambda _: True, **options) as extraction:  # type: ignore[arg-type]
            outcome = await extraction.run(REPORT, DAYS)
            assert outcome.failed == {}

    asyncio.run(run())


def kill_after(sandbox: RunningSandbox, folder: Path, run: str, calls: int) -> None:
    """Extract in a process that is killed when so many calls were let through and the next is on its way.

    That one and all after it get no answer, so that the process can't end before it is killed.
    """
    sandbox.faults(Fault("timeout", after=calls))
    with child(CHILD, sandbox.url, sandbox.key, folder, run) as process:
        while not any(call["fault"] == "timeout" for call in sandbox.stats()["calls"]):
            assert process.poll() is None, "the extraction ended before it could be killed"
            time.sleep(ASK_SECONDS)
        process.send_signal(signal.SIGKILL)
        process.wait()
    sandbox.faults()


def landed(sandbox: RunningSandbox, folder: Path) -> set[Asked]:
    """Return the calls whose answer is landed, read or not."""

    async def planned() -> dict[str, Asked]:
        async with extraction_of(sandbox, folder, REPORTS) as extraction:
            calls = [call for day in DAYS for call in await extraction.plan(REPORT, day)]
        return {call.id: frozenset((name.lower(), value) for name, value in call.parameters) for call in calls}

    parameters = asyncio.run(planned())
    return {
        parameters[file.parent.name] | {("$top", "4"), ("$skip", str(int(file.stem)))}
        for file in (folder / "landing").glob("*/*/*/*")
        if file.suffix in {".json", ".answer"}
    }


def pages_asked(sandbox: RunningSandbox) -> list[Asked]:
    return [frozenset(parameters.items()) for parameters in asked(sandbox)]


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The run that nobody killed: where its days are, and how many calls it made."""

    folder: Path
    calls: int


@pytest.fixture(scope="module")
def undisturbed(started_slow: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    started_slow.reset()
    folder = tmp_path_factory.mktemp("undisturbed")
    extract(started_slow, folder)
    return Undisturbed(folder, len(asked(started_slow)))


def assert_same_rows(folder: Path, undisturbed: Path) -> None:
    for day in DAYS:
        expected = partition(undisturbed, REPORT.name, day)
        assert expected.height > 20
        assert_frame_equal(partition(folder, REPORT.name, day), expected)


@pytest.mark.parametrize("shares", [[0.05], [0.9], [0.4, 0.5]], ids=str)
def test_what_had_arrived_at_a_kill_is_not_asked_for_again(
    slow: RunningSandbox, undisturbed: Undisturbed, tmp_path: Path, shares: Sequence[float]
) -> None:
    arrived: set[Asked] = set()
    for number, share in enumerate(shares):
        kill_after(slow, tmp_path, f"run-{number}", int(share * undisturbed.calls))
        assert arrived.isdisjoint(pages_asked(slow))
        assert len(Staging(tmp_path / "staging").days("report", REPORT.name)) < len(DAYS)
        lost = set(pages_asked(slow)) - landed(slow, tmp_path)
        assert len(lost) <= API["concurrency"]
        arrived = landed(slow, tmp_path)
        slow.reset()
    extract(slow, tmp_path)
    assert len(arrived) >= sum(shares) * undisturbed.calls - API["concurrency"] * len(shares)
    assert arrived.isdisjoint(pages_asked(slow))
    assert len(arrived) + len(pages_asked(slow)) == undisturbed.calls
    assert_same_rows(tmp_path, undisturbed.folder)


def test_a_run_killed_when_all_had_arrived_asks_for_nothing(
    slow: RunningSandbox, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    extract(slow, tmp_path)
    for day in DAYS:
        Staging(tmp_path / "staging").remove("report", REPORT.name, day)
    slow.reset()
    extract(slow, tmp_path)
    assert asked(slow) == []
    assert_same_rows(tmp_path, undisturbed.folder)
