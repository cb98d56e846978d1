"""Requests: each key is filed once, and stays pending until its run exists."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from multiprocessing import get_context
from pathlib import Path

from optimove_pipeline.automation.requests import Request, done, file_request, pending
from optimove_pipeline.optimove.budget import CallClass

REQUEST = Request(
    reports=("promo_codes", "target_groups_by_date"),
    first=date(2025, 6, 17),
    last=date(2025, 6, 19),
    call_class=CallClass.BACKFILL,
    reason="asked for in the launchpad",
    key="pull/1",
    filters={"channels": [3], "attribute_value": {"attribute": "Cöuntry", "value": "GB"}},
)


def test_a_request_is_pending_as_it_was_filed_until_it_is_done(tmp_path: Path) -> None:
    assert pending(tmp_path) == []
    assert file_request(tmp_path, REQUEST)
    assert pending(tmp_path) == [REQUEST]
    done(tmp_path, REQUEST.key)
    assert pending(tmp_path) == []


def test_a_key_is_filed_once_and_never_again(tmp_path: Path) -> None:
    other = replace(REQUEST, reason="the same, for another reason")
    assert file_request(tmp_path, REQUEST)
    assert not file_request(tmp_path, other)
    assert pending(tmp_path) == [REQUEST]
    done(tmp_path, REQUEST.key)
    assert not file_request(tmp_path, other)
    assert pending(tmp_path) == []


def test_requests_of_the_daily_run_come_first_and_else_in_the_order_of_filing(tmp_path: Path) -> None:
    keys = [f"pull/{number}" for number in (7, 3, 5, 1)]
    for key in keys:
        file_request(tmp_path, replace(REQUEST, key=key))
    file_request(tmp_path, replace(REQUEST, key="daily", call_class=CallClass.DAILY))
    assert [request.key for request in pending(tmp_path)] == ["daily", *keys]


def test_of_many_processes_that_file_one_key_one_is_told_it_was_new(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        new = [*processes.map(file_request, [tmp_path] * 40, [REQUEST] * 40)]
    assert new.count(True) == 1
    assert pending(tmp_path) == [REQUEST]


_KILLED_BEFORE_THE_LINK = """
import os, signal, sys
from pathlib import Path
from optimove_pipeline_tests.automation import test_requests
from optimove_pipeline.automation.requests import file_request
os.link = lambda *paths: os.kill(os.getpid(), signal.SIGKILL)
file_request(Path(sys.argv[1]), test_requests.REQUEST)
"""


def test_a_process_killed_while_filing_leaves_nothing_that_counts(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED_BEFORE_THE_LINK, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert os.listdir(tmp_path / "requests")  # noqa: PTH208 - what was left behind begins with a dot
    assert pending(tmp_path) == []
    assert file_request(tmp_path, REQUEST)
    assert pending(tmp_path) == [REQUEST]
