"""What Optimove's engineers are handed: steps, documentation, schema and readiness; and the check of all that."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from optimove_pipeline.commands.connect import carried_out, steps_of
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.ledger import ledger_file
from optimove_pipeline.serving.app import tables_by_name
from optimove_pipeline.target_feeds import tables_at
from optimove_pipeline.targets.connecting import Who
from optimove_pipeline.watermarks import move
from optimove_pipeline_tests.serving.api import (
    CATALOG,
    CLIENT,
    KEY,
    OAUTH,
    REPORT,
    SECRET,
    SIGNING,
    TABLE,
    Api,
    customer,
    served,
    settings_of,
)

BOTH = {"clients": [CLIENT, OAUTH], "signing_key": "${SIGNING_KEY}", "url": "https://data.example.com"}


def test_the_steps_name_address_tables_keys_and_credentials_by_reference(tmp_path: Path) -> None:
    steps = steps_of(settings_of(tmp_path, **BOTH), "api")
    text = "\n".join(step.text for step in steps)
    assert [step.who for step in steps[:3]] == [Who.PROGRAM, Who.COMPANY, Who.COMPANY]
    for expected in (
        'export PULL_SECRET="$(openssl rand -hex 32)"',
        'export SIGNING_KEY="$(openssl rand -hex 32)"',
        "optimove-pipeline serve api",
        "header X-API-Key: ${PULL_KEY}",
        "OAuth2 client credentials at https://data.example.com/oauth/token, client_id engineers",
        "https://data.example.com/v1/Customers?updated_from=",
        "(key Player_ID; change column LastUpdated)",
        "targets.api.allow: [203.0.113.7]",
    ):
        assert expected in text
    assert not any(secret in text for secret in (KEY, SECRET, SIGNING))


def test_addresses_that_are_allowed_are_told(tmp_path: Path) -> None:
    steps = steps_of(settings_of(tmp_path, allow=["203.0.113.7"]), "api")
    assert [step.text for step in steps if "firewall" in step.title] == ["203.0.113.7"]


def test_connecting_makes_the_store_and_the_documentation_and_may_be_repeated(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, **BOTH)
    first, again = ([*carried_out(settings, "api")] for _ in range(2))
    assert first == again
    store, document, page = map(Path, first[0].text.splitlines())
    assert store.stat().st_mode & 0o077 == 0
    paths = json.loads(document.read_text())["paths"]
    assert {"/v1/Customers", "/v1/Customers/schema", "/v1/readiness", "/oauth/token"} <= {*paths}
    html = page.read_text()
    assert "GET /v1/Customers" in html
    assert "http://" not in html
    assert "https://" not in html.replace("https://data.example.com", "")


def test_the_served_documentation_is_that_which_was_handed_over(api: Api) -> None:
    [*api.target.connect(tables_at(api.settings, "api"))]
    folder = api.target.path.with_suffix("")
    assert api.get("/openapi.json", {}).json() == json.loads((folder / "openapi.json").read_text())
    assert api.get("/docs", {}).text == (folder / "api.html").read_text()


def test_the_check_asks_as_each_client(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, **BOTH, allow=["203.0.113.0/24"])
    own = settings.target("api")
    steps = own.open("api", settings.data_dir).check(tables_at(settings, "api"))  # type: ignore[union-attr]
    assert [(step.step, step.passed) for step in steps] == [
        ("credentials", True),
        ("refusal without a credential", True),
        ("a page as optimove", True),
        ("a page as engineers", True),
    ]


def test_the_check_tells_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULL_KEY", "short")
    settings = settings_of(tmp_path)
    own = settings.target("api")
    (step,) = own.open("api", settings.data_dir).check(tables_at(settings, "api"))  # type: ignore[union-attr]
    assert (step.passed, "targets.api.clients.0.key" in step.fix) == (False, True)


def test_the_check_fails_where_the_api_lets_nobody_in(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Callable[..., None]:
        raise SettingsError("not now")

    monkeypatch.setattr("optimove_pipeline.serving.app.make_page", refuse)
    steps = api.target.check(tables_at(api.settings, "api"))
    assert (steps[-1].step, steps[-1].passed) == ("a page as optimove", False)
    assert "the API answers 503 store_unavailable, expected 200" in steps[-1].fix


def test_tables_are_listed_with_what_a_receiver_must_know(api: Api) -> None:
    listed = {table["table"]: table for table in api.get("/v1/tables").json()["tables"]}
    assert {*listed} == {TABLE, CATALOG, REPORT}
    assert listed[TABLE] == {
        "table": TABLE,
        "key": ["Player_ID"],
        "unique": True,
        "change_column": "LastUpdated",
        "replaced": "keys",
    }
    assert (listed[CATALOG]["replaced"], listed[REPORT]["replaced"]) == ("all", "partition")


def test_the_schema_tells_columns_in_the_agreed_order(api: Api) -> None:
    schema = api.get("/v1/Customers/schema").json()
    columns = {column.pop("name"): column for column in schema["columns"]}
    assert [*columns] == [column.name for column in api.table().columns]
    assert columns["Player_ID"] == {"type": "string"}
    assert columns["Email"] == {"type": ["string", "null"], "maxLength": 250}
    assert columns["Balance"] == {"type": ["string", "null"], "format": "decimal"}
    assert columns["LastUpdated"] == {"type": "string", "format": "date-time"}


def test_a_day_is_ready_once_every_table_has_it(api: Api) -> None:
    def ready(day: str = "2026-11-20") -> dict[str, tuple[int, int, bool]]:
        answer = api.get("/v1/readiness", date=day).json()
        assert (answer["date"], answer["ready"]) == (day, all(table["ready"] for table in answer["tables"]))
        return {each["table"]: (each["delivered"], each["rows"], each["ready"]) for each in answer["tables"]}

    api.deliver([customer(1), customer(2)])
    assert ready() == {TABLE: (1, 2, True), CATALOG: (0, 0, False), REPORT: (0, 0, False)}
    api.deliver([], table=CATALOG)
    api.deliver([], table=REPORT)
    assert ready() == {TABLE: (1, 2, True), CATALOG: (1, 0, True), REPORT: (1, 0, True)}
    assert not any(is_ready for *_, is_ready in ready("2026-11-21").values())


def test_a_day_of_history_is_ready_with_its_month(api: Api) -> None:
    api.deliver([customer(1)], partition="2026-10")
    tables = api.get("/v1/readiness", date="2026-10-05").json()["tables"]
    assert {table["table"]: table["ready"] for table in tables}[TABLE]


def test_readiness_tells_when_a_table_is_expected_and_its_watermark(api: Api) -> None:
    until = datetime(2026, 11, 21, tzinfo=UTC)
    move(ledger_file(api.settings.data_dir), "customers", "api", until, "a run")
    tables = {each["table"]: each for each in api.get("/v1/readiness", date="2026-11-20").json()["tables"]}
    assert (tables[TABLE]["watermark"], tables[CATALOG]["watermark"]) == ("2026-11-21T00:00:00Z", None)
    assert tables[TABLE]["expected_by"] == "2026-11-21T06:00:00Z"


@pytest.mark.parametrize("day", ["20.11.2026", "2026-13-01", "20261120", "", "9999-12-31"])
def test_a_day_that_is_none_is_refused(api: Api, day: str) -> None:
    answer = api.get("/v1/readiness", date=day)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_date")


def test_without_a_day_readiness_is_of_the_last_that_ended(api: Api) -> None:
    before = datetime.now(UTC).date()
    told = api.get("/v1/readiness").json()["date"]
    assert told < before.isoformat()


@pytest.mark.parametrize("name", ["tables", "readiness", TABLE])
def test_a_table_with_a_name_that_is_taken_is_refused(tmp_path: Path, name: str) -> None:
    tables = tables_at(settings_of(tmp_path), "api")
    with pytest.raises(SettingsError, match=r"packages\.each\.game_types_and_categories\.table: "):
        tables_by_name([*tables[:-1], replace(tables[-1], name=name)])


def test_credentials_of_oauth_are_in_the_documentation_only_where_there_are_any(api: Api, tmp_path: Path) -> None:
    schemes = api.get("/openapi.json", {}).json()["components"]["securitySchemes"]
    assert {*schemes} == {"key"}
    with served(tmp_path / "both", **BOTH) as both:
        document = both.get("/openapi.json", {}).json()
    assert {*document["components"]["securitySchemes"]} == {"key", "token"}
    assert document["servers"] == [{"url": "https://data.example.com"}]
