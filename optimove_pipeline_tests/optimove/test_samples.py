"""Every documented sample goes through a socket and the real code path into the documented columns."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from optimove_pipeline.feeds import snake_case
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline_tests.optimove.canned import Reply, Table, canned_server, opened, read_table

SAMPLES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "data" / "optimove_api_samples.json").read_text()
)
OF_REPORTS = [slug for slug in SAMPLES if slug.partition("__")[0] in BY_NAME]
OF_LOOK_UPS = [slug for slug in SAMPLES if slug not in OF_REPORTS and slug != "error_429"]


def call_of(slug: str) -> Call:
    sample = SAMPLES[slug]
    parameters = tuple(parse_qsl(urlsplit(sample["sample_request"]).query.replace(";", "%3B")))
    return Call(sample["endpoint"], parameters, slug.partition("__")[0])


def test_23_reports_have_samples() -> None:
    assert len({slug.partition("__")[0] for slug in OF_REPORTS}) == 23


@pytest.mark.parametrize("slug", OF_REPORTS)
def test_a_sample_arrives_in_the_documented_columns(slug: str, tmp_path: Path) -> None:
    report, call, rows = BY_NAME[slug.partition("__")[0]], call_of(slug), SAMPLES[slug]["sample_response"]
    attributes = (
        tuple(dict(call.parameters).get("CustomerAttributes", "").split(";"))
        if "CustomerAttributes" in dict(call.parameters)
        else ()
    )

    async def ask() -> Table:
        async with canned_server(Reply(body=json.dumps(rows).encode())) as server:
            async with opened(server.url, tmp_path) as api:
                answer = await api.client.get(
                    call, tmp_path / "answer", lambda path: read_table(path, report, attributes)
                )
            (request,) = server.requests
            assert request.path == f"/current/{report.function}"
            assert request.parameters == dict(call.parameters)
            assert answer.value is not None
            return answer.value

    frame = asyncio.run(ask()).frame

    columns = {column.field: column.name for column in report.columns if not column.stamped}
    wanted = [
        {columns.get(key, snake_case(key)): _text(value) for key, value in row.items() if key != "CustomerAttributes"}
        | {
            f"attribute_{snake_case(name)}": value
            for name, value in zip(attributes, row.get("CustomerAttributes", ()), strict=False)
        }
        for row in rows
    ]
    assert [{key: row[key] for key in want} for row, want in zip(frame.to_dicts(), wanted, strict=True)] == wanted
    documented = [*columns.values(), *(f"attribute_{snake_case(name)}" for name in attributes)]
    assert frame.columns[: len(documented)] == documented
    assert "__live_dump" in slug or frame.width == len(documented)


@pytest.mark.parametrize("slug", OF_LOOK_UPS)
def test_a_sample_of_a_look_up_arrives_as_its_json(slug: str, tmp_path: Path) -> None:
    response = SAMPLES[slug]["sample_response"]

    async def ask() -> Any:
        async with (
            canned_server(Reply(body=json.dumps(response).encode())) as server,
            opened(server.url, tmp_path) as api,
        ):
            return await api.client.lookup(SAMPLES[slug]["endpoint"], call_of(slug).parameters)

    assert asyncio.run(ask()) == response


def _text(value: object) -> str | None:
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)
