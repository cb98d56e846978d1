"""Trying the API out in this process, as its clients would."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import httpx

from optimove_pipeline.errors import PipelineError
from optimove_pipeline.serving.access import access_of
from optimove_pipeline.serving.app import Served, application, tables_by_name
from optimove_pipeline.serving.connections import Connections
from optimove_pipeline.serving.readiness import DayReadiness
from optimove_pipeline.settings.secrets import reveal
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.kinds.api import ApiClient, ApiSettings
from optimove_pipeline.targets.table import Table

_BASE = "http://api.invalid"


def try_out(target: str, settings: ApiSettings, path: Path, tables: Sequence[Table]) -> list[Checked]:
    """Return the steps tried, ending with the first that failed. The store must be there."""
    try:
        access, named = access_of(target, settings), tables_by_name([*tables])
    except PipelineError as error:
        return [Checked("credentials", passed=False, fix=str(error))]
    with closing(Connections(path)) as store:
        served = Served(settings, access, named, store, _no_readiness)
        return [Checked("credentials", passed=True), *asyncio.run(_ask(served))]


def _no_readiness(day: date | None) -> DayReadiness:
    """Stand in for the readiness, which the trial does not ask for."""
    return DayReadiness(day or datetime.now(UTC).date(), ready=False, tables=())


async def _ask(served: Served) -> list[Checked]:
    address = str(served.access.networks[0][0]) if served.access.networks else "127.0.0.1"
    transport = httpx.ASGITransport(application(served), client=(address, 1))
    path = f"/v1/{next(iter(served.tables), 'tables')}"
    steps = list[Checked]()
    async with httpx.AsyncClient(transport=transport, base_url=_BASE) as client:
        steps.append(_judged("refusal without a credential", await client.get(path), 401))
        for each in served.settings.clients:
            if steps[-1].passed:
                answer = await client.get(path, headers=await _credential(client, each), params=_asked(path))
                steps.append(_judged(f"a page as {each.name}", answer, 200))
    return steps


def _asked(path: str) -> dict[str, str]:
    return {} if path == "/v1/tables" else {"limit": "1"}


async def _credential(client: httpx.AsyncClient, each: ApiClient) -> dict[str, str]:
    if each.key is not None:
        return {"X-API-Key": reveal(each.key)}
    form = {"grant_type": "client_credentials", "client_id": each.name, "client_secret": reveal(each.secret or "")}
    answer = await client.post("/oauth/token", data=form)
    return {"Authorization": f"Bearer {answer.json().get('access_token', '')}"}


def _judged(step: str, answer: httpx.Response, expected: int) -> Checked:
    if answer.status_code == expected:
        return Checked(step, passed=True)
    code = answer.json().get("code", "")
    return Checked(step, passed=False, fix=f"the API answers {answer.status_code} {code}, expected {expected}")
