"""Every fault that the sandbox knows by name, met by the client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr

from optimove_pipeline.errors import AnswerError, ApiError, ForbiddenError, UnauthorizedError
from optimove_pipeline.optimove.budget import Clock
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.optimove.client import Answer
from optimove_pipeline.optimove.options import Login
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.sandbox.faults import RECEIVING, Fault, names
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline.sandbox.truth import Choices, truth
from optimove_pipeline_tests.optimove.canned import Opened, Table, opened, read_table

DAY = date(2026, 11, 18)
REPORT = BY_NAME["customer_one_time_actions_by_date"]
ATTRIBUTES = ("Alias", "Country")
CALL = Call(REPORT.function, (("Date", DAY.isoformat()), ("CustomerAttributes", "Alias;Country")), REPORT.name, DAY)

RETRIED = {
    "http_429": "http_429",
    "http_429_retry_after": "http_429",
    "http_500": "http_500",
    "http_503": "http_503",
    "timeout": "timeout",
    "cut_connection": "cut",
    "cut_body": "cut",
    "truncated_json": "truncated",
    "html_page": "html",
}
REFUSED: dict[str, type[ApiError]] = {
    "html_403": ForbiddenError,
    "forbidden": ForbiddenError,
    "expired_token": ForbiddenError,
    "json_string": AnswerError,
    "bad_attributes": AnswerError,
    "unauthorized": UnauthorizedError,
}
EMPTY = ("not_found", "empty_body", "null_body")
READ = {
    "slow_body",
    "repeat_page",
    "repeat_last_page",
    "duplicate_rows",
    "clashing_rows",
    "wrong_types",
    "unknown_field",
    "missing_field",
    "missing_key",
    "few_attributes",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=date(2026, 11, 20), windows=()) as running:
        yield running


def read(path: Path) -> Table:
    return read_table(path, REPORT, ATTRIBUTES)


def ask(sandbox: RunningSandbox, folder: Path, *faults: Fault, **options: Any) -> tuple[Answer[Table], Opened]:
    """Ask for one page while the faults are on, after a look-up without them."""

    async def work() -> tuple[Answer[Table], Opened]:
        chosen = {
            "api_key": SecretStr(sandbox.key),
            "timeout_seconds": 1.5 if Fault("timeout", times=1) in faults else 10.0,
            **options,
        }
        async with opened(sandbox.url, folder, **chosen) as api:
            await api.client.last_data_update()
            sandbox.faults(*faults)
            return await api.client.get(CALL, folder / "answer", read, top=1000, skip=0), api

    sandbox.reset()
    return asyncio.run(asyncio.wait_for(work(), 30))


def expected(sandbox: RunningSandbox) -> pl.DataFrame:
    rows = truth(sandbox.tenant, REPORT.name, DAY, Choices(attributes=ATTRIBUTES))
    return pl.DataFrame(rows, infer_schema_length=None).select(pl.all().cast(pl.String))


def test_every_fault_is_met_here() -> None:
    assert {*RETRIED, *REFUSED, *EMPTY, *READ} == set(names()) - RECEIVING.keys()


def test_without_faults_the_rows_are_the_sandboxs(sandbox: RunningSandbox, tmp_path: Path) -> None:
    answer, _ = ask(sandbox, tmp_path)

    wanted = expected(sandbox)
    assert answer.value is not None
    assert answer.value.rows > 0
    assert answer.value.frame.select(wanted.columns).sort(pl.all()).equals(wanted.sort(pl.all()))


@pytest.mark.parametrize("fault", RETRIED)
def test_a_passing_fault_is_retried(sandbox: RunningSandbox, tmp_path: Path, fault: str) -> None:
    answer, api = ask(sandbox, tmp_path, Fault(fault, times=1))

    assert api.outcomes == ["ok", RETRIED[fault], "ok"]
    assert answer.value is not None
    assert answer.value.rows == expected(sandbox).height
    assert sandbox.stats()["total"] == 3
    assert api.budget.usage.granted == 3


@pytest.mark.parametrize("fault", REFUSED)
def test_a_lasting_fault_is_an_error_at_once(sandbox: RunningSandbox, tmp_path: Path, fault: str) -> None:
    with pytest.raises(REFUSED[fault], match="HTTP"):
        ask(sandbox, tmp_path, Fault(fault))

    assert sandbox.stats()["total"] == 2
    assert not (tmp_path / "answer").exists()


@pytest.mark.parametrize("fault", EMPTY)
def test_an_empty_answer_of_a_known_api_is_no_rows(sandbox: RunningSandbox, tmp_path: Path, fault: str) -> None:
    answer, api = ask(sandbox, tmp_path, Fault(fault))

    assert answer.empty
    assert api.outcomes == ["ok", "empty"]


@pytest.mark.parametrize("fault", sorted(READ))
def test_what_the_validated_stage_judges_is_read_as_it_is(
    sandbox: RunningSandbox, tmp_path: Path, fault: str
) -> None:
    answer, _ = ask(sandbox, tmp_path, Fault(fault))

    assert answer.value is not None
    frame = answer.value.frame
    assert frame.height >= expected(sandbox).height
    assert (frame.width > len(expected(sandbox).columns)) == (fault == "unknown_field")
    assert (frame["customer_id"].null_count() > 0) == (fault == "missing_key")


def test_the_legacy_login_works_and_survives_an_expired_token(sandbox: RunningSandbox, tmp_path: Path) -> None:
    login = Login(sandbox.options.username, SecretStr(sandbox.options.password))

    answer, api = ask(sandbox, tmp_path, Fault("expired_token", times=1), api_key=None, login=login, clock=Clock())

    assert not answer.empty
    assert api.outcomes[:2] == ["ok", "ok"]
    assert api.outcomes[2] == "http_403"
    assert sandbox.stats()["logins"] >= 2


def test_a_wrong_key_is_unauthorized(sandbox: RunningSandbox, tmp_path: Path) -> None:
    with pytest.raises(UnauthorizedError, match="OPTIMOVE_API_KEY"):
        ask(sandbox, tmp_path, api_key=SecretStr("another-key"))


def test_a_wrong_base_url_is_told(sandbox: RunningSandbox, tmp_path: Path) -> None:
    async def work() -> None:
        wrong = sandbox.url.replace("/current", "/nowhere/current")
        async with opened(wrong, tmp_path, api_key=SecretStr(sandbox.key)) as api:
            await api.client.get(CALL, tmp_path / "answer", read)

    sandbox.reset()
    with pytest.raises(AnswerError, match="check OPTIMOVE_API_URL"):
        asyncio.run(work())
