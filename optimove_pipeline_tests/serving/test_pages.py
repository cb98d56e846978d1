"""Pages: windows, order, cursors and forms, and pulls that go on while deliveries come."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from optimove_pipeline_tests.serving.api import CATALOG, ENVIRONMENT, KEY, TABLE, Api, customer, ids, served

WINDOW = {"updated_from": "2026-11-20T00:02:00Z", "updated_to": "2026-11-20T00:05:00Z"}


@pytest.fixture(scope="module")
def of_minutes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """An API with ten customers, a minute each, for tests that only read."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        with served(tmp_path_factory.mktemp("minutes")) as running:
            deliver_minutes(running)
            yield running


def deliver_minutes(api: Api, count: int = 10) -> None:
    """Deliver a customer for each minute."""
    api.deliver([customer(number, minutes=number) for number in range(count)])


def code_of(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], {*problem}) == (status, {"title", "status", "code", "detail"})
    return str(problem["code"])


def test_a_window_includes_its_begin_and_excludes_its_end(of_minutes: Api) -> None:
    assert ids(of_minutes.pull(**WINDOW)) == ["C00002", "C00003", "C00004"]
    assert ids(of_minutes.pull(updated_from=WINDOW["updated_to"])) == [f"C{number:05d}" for number in range(5, 10)]
    assert ids(of_minutes.pull(updated_to=WINDOW["updated_from"])) == ["C00000", "C00001"]


@pytest.mark.parametrize(
    "moment",
    ["2026-11-20T02:02:00+02:00", "2026-11-20T00:02", "2026-11-20t00:02:00.000000z", "2026-11-19T23:02-01:00"],
)
def test_moments_may_have_any_zone_and_are_in_utc_without_one(of_minutes: Api, moment: str) -> None:
    assert ids(of_minutes.pull(updated_from=moment))[:3] == ["C00002", "C00003", "C00004"]


def test_moments_long_ago_come_before_all_rows(of_minutes: Api) -> None:
    assert len(of_minutes.pull(updated_from="0900-01-01")) == 10
    assert of_minutes.pull(updated_to="0900-01-01") == []


def test_an_empty_window_is_an_empty_page(of_minutes: Api) -> None:
    page = of_minutes.page(updated_from="2026-11-20T00:02", updated_to="2026-11-20T00:02")
    assert (page["data"], page["next_cursor"]) == ([], None)


def test_before_anything_was_delivered_pages_are_empty(api: Api) -> None:
    assert api.page() == {"data": [], "next_cursor": None, "as_of": None}
    deliver_minutes(api)
    catalog = api.page(CATALOG)
    assert (catalog["data"], catalog["next_cursor"]) == ([], None)
    assert catalog["as_of"] is not None


@pytest.mark.parametrize("limit", [1, 3, 9, 10, 11])
def test_pages_of_any_size_together_hold_every_row_once_and_in_order(api: Api, limit: int) -> None:
    rows = [customer(number, minutes=number // 4) for number in (7, 2, 9, 0, 4, 1, 8, 3, 6, 5)]
    api.deliver(rows)
    assert ids(api.pull(limit=limit)) == [f"C{number:05d}" for number in range(10)]


def test_the_last_page_has_no_cursor(api: Api) -> None:
    deliver_minutes(api, 4)
    first = api.page(limit=2)
    second = api.page(limit=2, cursor=first["next_cursor"])
    assert (len(second["data"]), second["next_cursor"]) == (2, None)
    accept = {"X-API-Key": KEY, "Accept": "application/x-ndjson"}
    assert not {"next-cursor", "link"} & {*api.get("/v1/Customers", accept).headers}


def test_ndjson_has_a_row_a_line_and_the_cursor_in_headers(of_minutes: Api) -> None:
    accept = {"X-API-Key": KEY, "Accept": "application/x-ndjson"}
    answer = of_minutes.get("/v1/Customers", accept, limit=3)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.text.endswith("}\n")
    assert ids([json.loads(line) for line in answer.text.splitlines()]) == ["C00000", "C00001", "C00002"]
    found = re.fullmatch(r'<(.+)>; rel="next"', answer.headers["link"])
    assert found is not None
    rest = of_minutes.get(found[1], accept)
    assert ids([json.loads(line) for line in rest.text.splitlines()]) == ["C00003", "C00004", "C00005"]
    by_header = of_minutes.get("/v1/Customers", accept, limit=3, cursor=answer.headers["next-cursor"])
    assert (by_header.text, by_header.headers["as-of"]) == (rest.text, of_minutes.page()["as_of"])


def test_the_next_page_is_named_by_the_path_that_clients_call(tmp_path: Path) -> None:
    with served(tmp_path, url="https://data.example.com/optimove") as api:
        deliver_minutes(api)
        answer = api.get("/v1/Customers", {"X-API-Key": KEY, "Host": "elsewhere.example/v9"}, limit=3)
    assert answer.headers["link"].startswith("</optimove/v1/Customers?cursor=")


def test_an_empty_page_of_ndjson_has_no_bytes(api: Api) -> None:
    answer = api.get("/v1/Customers", {"X-API-Key": KEY, "Accept": "application/x-ndjson"})
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
def test_a_page_is_compressed_for_those_who_take_that(api: Api, accept: str) -> None:
    api.deliver([customer(number, Alias="ünïcode") for number in range(1000)])
    plain, packed = (_raw(api, accept, encoding) for encoding in ("identity", "gzip;q=1.0, br"))
    assert gzip.decompress(packed) == plain
    assert len(packed) < len(plain) / 5
    assert _raw(api, accept, "gzip;q=0") == plain


def _raw(api: Api, accept: str, encoding: str) -> bytes:
    headers = {"X-API-Key": KEY, "Accept": accept, "Accept-Encoding": encoding}
    with api.client.stream("GET", f"/v1/{TABLE}?limit=1000", headers=headers) as answer:
        assert answer.headers.get("content-encoding") == ("gzip" if encoding.endswith("br") else None)
        return b"".join(answer.iter_raw())


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"updated_since": "2026-11-20"}, "unknown_parameter"),
        ({"updated_from": "20.11.2026"}, "invalid_moment"),
        ({"updated_from": "2026-02-30"}, "invalid_moment"),
        ({"updated_from": "20261120"}, "invalid_moment"),
        ({"updated_to": "0001-01-01T00:00+23:59"}, "invalid_moment"),
        ({"updated_from": "2026-11-21", "updated_to": "2026-11-20"}, "reversed_window"),
        ({"updated_from": "2000-01-01", "updated_to": "0900-01-01"}, "reversed_window"),
        ({"limit": "0"}, "invalid_limit"),
        ({"limit": "50001"}, "invalid_limit"),
        ({"limit": "1e3"}, "invalid_limit"),
        ({"cursor": "x"}, "invalid_cursor"),
        ({"cursor": "ünïcode"}, "invalid_cursor"),
        ({"cursor": ""}, "invalid_cursor"),
    ],
)
def test_a_wrong_parameter_is_refused(of_minutes: Api, parameters: dict[str, Any], code: str) -> None:
    assert code_of(of_minutes.get("/v1/Customers", **parameters), 400) == code


def test_a_parameter_that_is_there_twice_is_refused(of_minutes: Api) -> None:
    assert code_of(of_minutes.get("/v1/Customers?limit=1&limit=2"), 400) == "repeated_parameter"


def test_the_most_rows_of_a_page_are_set(tmp_path: Path) -> None:
    with served(tmp_path, most_rows=3) as api:
        deliver_minutes(api)
        assert len(api.page()["data"]) == 3
        assert code_of(api.get("/v1/Customers", limit=4), 400) == "invalid_limit"


@pytest.mark.parametrize("path", ["/v1/Nothing", "/v1/customers", "/v1/Nothing/schema"])
def test_an_unknown_table_is_not_found(of_minutes: Api, path: str) -> None:
    assert code_of(of_minutes.get(path), 404) == "unknown_table"


def test_an_unknown_path_and_method_are_told_as_such(of_minutes: Api) -> None:
    assert code_of(of_minutes.get("/v2/Customers"), 404) == "unknown_path"
    assert code_of(of_minutes.client.delete("/v1/Customers"), 405) == "method_not_allowed"
    assert code_of(of_minutes.client.options("/v1/Customers"), 405) == "method_not_allowed"


def test_a_cursor_that_was_changed_is_refused(of_minutes: Api) -> None:
    cursor = of_minutes.page(limit=2)["next_cursor"]
    for at in (0, 30, len(cursor) // 2, len(cursor) - 3):
        changed = f"{cursor[:at]}{'A' if cursor[at] != 'A' else 'B'}{cursor[at + 1 :]}"
        assert code_of(of_minutes.get("/v1/Customers", cursor=changed), 400) == "invalid_cursor"


def test_a_cursor_does_not_show_where_it_stands(of_minutes: Api) -> None:
    cursor = of_minutes.page(limit=2)["next_cursor"]
    assert "C0000" not in cursor
    assert "C0000" not in repr(cursor.encode())


def test_a_cursor_of_another_table_window_or_store_is_refused(of_minutes: Api, tmp_path: Path) -> None:
    cursor = of_minutes.page(limit=1, **WINDOW)["next_cursor"]
    assert code_of(of_minutes.get(f"/v1/{CATALOG}", cursor=cursor), 400) == "foreign_cursor"
    assert code_of(of_minutes.get("/v1/Customers", cursor=cursor, updated_from="2026-11-20"), 400) == "foreign_cursor"
    assert ids(of_minutes.page(cursor=cursor, **WINDOW)["data"]) == ["C00003", "C00004"]
    with served(tmp_path / "another") as another:
        assert code_of(another.get("/v1/Customers", cursor=cursor), 400) == "invalid_cursor"


def age(api: Api, hours: float) -> None:
    """Let all that was delivered have been so many hours earlier."""
    with closing(sqlite3.connect(api.target.path)) as store, store:
        store.execute("UPDATE generations SET committed_at = committed_at - ?", (hours * 3600,))


def test_rows_that_died_before_a_cursor_can_need_them_are_purged(api: Api) -> None:
    api.deliver([customer(1, Alias="first"), customer(2)])
    first = api.page(limit=1)
    api.deliver([customer(1, minutes=1, Alias="second")], partition="2026-11-21")
    age(api, 23)
    api.deliver([customer(3)], partition="2026-11-22")
    assert ids(api.page(cursor=first["next_cursor"])["data"]) == ["C00002"]
    age(api, 2)
    api.deliver([customer(4)], partition="2026-11-23")
    assert code_of(api.get("/v1/Customers", cursor=first["next_cursor"]), 410) == "expired_cursor"
    with closing(sqlite3.connect(api.target.path)) as store:
        assert store.execute("SELECT count(*) FROM rows_customers WHERE died IS NOT NULL").fetchall() == [(0,)]
    assert ids(api.pull()) == ["C00002", "C00003", "C00004", "C00001"]


def test_a_cursor_expires_though_nothing_was_purged(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    deliver_minutes(api)
    cursor = api.page(limit=1)["next_cursor"]
    began = datetime.now(UTC)
    monkeypatch.setattr("optimove_pipeline.serving.app.time.time", lambda: (began + timedelta(hours=25)).timestamp())
    assert code_of(api.get("/v1/Customers", cursor=cursor), 410) == "expired_cursor"


def test_a_row_that_changes_mid_pull_comes_as_it_was_and_then_in_its_own_window(api: Api) -> None:
    deliver_minutes(api, 6)
    first = api.page(limit=2)
    changed = [customer(1, minutes=90, Alias="again"), customer(4, minutes=91, Alias="again")]
    api.deliver(changed, partition="2026-11-21")
    rest = api.page(cursor=first["next_cursor"], limit=10)
    rows = first["data"] + rest["data"]
    assert (ids(rows), {row["Alias"] for row in rows}) == ([f"C{number:05d}" for number in range(6)], {None})
    assert rest["as_of"] == first["as_of"]
    later = api.pull(updated_from="2026-11-20T01:00")
    assert [(row["Player_ID"], row["Alias"]) for row in later] == [("C00001", "again"), ("C00004", "again")]


def checksum(rows: list[dict[str, Any]]) -> str:
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


ROWS, LOADS = 200, 6


def test_a_day_pulled_while_deliveries_come_has_neither_gap_nor_duplicate(api: Api) -> None:
    """Every pull shows exactly what some delivery had left, whichever deliveries came meanwhile."""
    truths = [dict.fromkeys(range(ROWS), 0)]
    api.deliver([customer(number, minutes=number) for number in range(ROWS)])
    done, failed = threading.Event(), list[BaseException]()

    def deliver() -> None:
        try:
            for load in range(1, LOADS + 1):
                changed = [*range(load, ROWS, 7), *range(ROWS + load * 10, ROWS + load * 10 + 5)]
                truths.append({**truths[-1], **dict.fromkeys(changed, load)})
                rows = [
                    customer(number, minutes=(number * 31 + load * 97) % 1440, Alias=str(load)) for number in changed
                ]
                newest = [replace_moment(row, load) for row in rows]
                api.deliver(newest, partition=f"2026-11-{20 + load % 10}T{load:02d}", source=str(load))
        except BaseException as error:
            failed.append(error)
            raise
        finally:
            done.set()

    thread = threading.Thread(target=deliver)
    thread.start()
    pulls = 0
    while not done.is_set() or pulls < 2:
        rows = api.pull(limit=97)
        seen = {int(row["Player_ID"][1:]): int(row["Alias"] or 0) for row in rows}
        assert len(rows) == len(seen)
        assert seen in truths
        pulls += 1
    thread.join()
    assert not failed
    again = [api.pull(limit=limit) for limit in (101, 333)]
    assert checksum(again[0]) == checksum(again[1])
    assert {int(row["Player_ID"][1:]): int(row["Alias"] or 0) for row in again[0]} == truths[-1]


def replace_moment(row: dict[str, Any], load: int) -> dict[str, Any]:
    """Return a row that is newer than those of earlier loads, somewhere in the order."""
    return {**row, "LastUpdated": row["LastUpdated"] + timedelta(days=load * 2)}


def test_a_delivery_between_any_two_pages_changes_none_of_the_pull(api: Api) -> None:
    deliver_minutes(api, 40)
    page = api.page(limit=4)
    rows, load = list(page["data"]), 0
    while page["next_cursor"]:
        load += 1
        moved = [customer(number, minutes=500 + load, Alias=str(load)) for number in range(load, 40, 3)]
        api.deliver([*moved, customer(100 + load, minutes=load)], partition=f"2026-11-21T{load:02d}")
        page = api.page(limit=4, cursor=page["next_cursor"])
        rows += page["data"]
    assert (ids(rows), load) == ([f"C{number:05d}" for number in range(40)], 9)
    assert {row["Alias"] for row in rows} == {None}


def test_a_page_that_would_be_too_large_ends_early(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optimove_pipeline.serving.pages._MOST_BYTES", 100_000)
    api.deliver([customer(number, Address="x" * 100) for number in range(2500)])
    page = api.page(limit=2500)
    assert 0 < len(page["data"]) < 2500
    assert ids(api.pull(limit=2500)) == [f"C{number:05d}" for number in range(2500)]


def test_a_store_that_is_begun_anew_is_served_at_once(api: Api) -> None:
    deliver_minutes(api)
    cursor = api.page(limit=4)["next_cursor"]
    for file in api.target.path.parent.glob(f"{api.target.path.name}*"):
        file.unlink()
    api.deliver([customer(99)])
    assert ids(api.pull()) == ["C00099"]
    assert code_of(api.get("/v1/Customers", cursor=cursor), 400) == "invalid_cursor"


def test_a_store_that_is_gone_is_no_empty_page(api: Api, tmp_path: Path) -> None:
    api.target.path.unlink()
    assert code_of(api.get("/v1/Customers"), 503) == "store_unavailable"
    assert replace(api.target, data_dir=tmp_path / "none").receipt(api.table(), "2026-11-20") is None
