"""Wrong settings, wrong key, wrong address: one clear message, an exit code, nothing written."""

from __future__ import annotations

import json
import socket

import pytest

from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox
from optimove_pipeline_tests.end_to_end.forked import Ended
from optimove_pipeline_tests.end_to_end.place import (
    NEWEST,
    Place,
    alike,
    published,
    pull,
    run,
    tables,
    true_rows,
)

DAY = ("--from", str(NEWEST), "--to", str(NEWEST))


def refuse(ended: Ended, place: Place, message: str) -> None:
    """Check for one message, exit code 2 and no trace on disk."""
    assert ended.code == 2, ended.told
    assert message in ended.told
    assert "Traceback" not in ended.told
    assert len(ended.told.splitlines()) <= 4
    assert ended.out == ""
    assert not place.data.exists()


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("tenant: [", "optimove.yaml: not valid YAML"),
        ("- tenant", "expected settings by name at the top"),
        ("tenant: {timezone: Europe/Londno}", "tenant.timezone: 'Europe/Londno' is not a time zone; did you mean"),
        ("api: {page_sise: 5}", "api.page_sise: no such setting; did you mean page_size?"),
        ("api: {page_size: many}", "api.page_size: "),
        ("api: {key: a-plain-key}", "a secret may not stand in the settings"),
        ("reports: {select: [promo_code]}", "'promo_code' is not a report; did you mean promo_codes?"),
    ],
)
def test_a_wrong_settings_file_is_refused(place: Place, document: str, message: str) -> None:
    (place.root / "optimove.yaml").write_text(document)
    ended = run(place, "run", *DAY)
    refuse(ended, place, message)
    assert "a-plain-key" not in ended.told


def test_a_settings_file_that_is_not_there_is_named(place: Place) -> None:
    elsewhere = str(place.root / "elsewhere.yaml")
    refuse(run(place, "run", *DAY, OPTIMOVE_CONFIG=elsewhere), place, f"{elsewhere}: can't be read")


@pytest.mark.parametrize("name", ["OPTIMOVE_API_KEY", "OPTIMOVE_API_URL"])
def test_a_variable_that_is_not_set_is_named(place: Place, name: str) -> None:
    refuse(run(place, "run", *DAY, **{name: ""}), place, f"the environment variable {name} is not set")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--report", "promo_code", *DAY), "--report promo_code: no such report"),
        (("--from", "2025-06-19", "--to", "2025-06-17"), "begins on 2025-06-19, after its end, 2025-06-17"),
        (("--from", "2025-06-19", "--to", "2999-01-01"), "only closed days can be pulled"),
        (("--from", "2024-12-31", "--to", "2025-01-02"), "before tenant.start_date, 2025-01-01"),
        (("--days", "2", "--from", "2025-06-18"), "--days and --from: give one of them"),
        (("--days", "0"), "--days 0: expected 1 to 3660"),
        (("--period", "last_week"), "--period last_week: no such period; expected one of yesterday, week_to_date"),
        (("--period", "yesterday", "--to", "2025-06-18"), "--period and --to: give one of them"),
        (("--timezone-offset", "20"), "--timezone-offset 20: expected -12 to 14"),
        (("--chunk", "weekly"), "chunk 'weekly': expected one of none, daily, monthly, yearly"),
        (("--from", "yesterday"), "does not match the format"),
    ],
)
def test_a_wrong_call_is_refused(place: Place, arguments: tuple[str, ...], message: str) -> None:
    refuse(run(place, "run", *arguments), place, message)


def fail(ended: Ended, place: Place, *messages: str) -> None:
    """Check for one message and exit code 1, with no table written."""
    assert ended.code == 1, ended.told
    for message in messages:
        assert message in ended.told
    assert "Traceback" not in ended.told
    assert ended.told.count("general/GetLastDataUpdate") <= 2
    assert ended.out == ""
    assert tables(place) == []


def test_a_wrong_key_stops_the_run_with_one_message(place: Place, sandbox: RunningSandbox) -> None:
    ended = run(place, "run", *DAY, OPTIMOVE_API_KEY="not-the-key")
    fail(ended, place, "HTTP 401", "check OPTIMOVE_API_KEY")
    assert "not-the-key" not in ended.told
    assert [file for file in place.data.rglob("*") if file.is_file() and b"not-the-key" in file.read_bytes()] == []
    assert sandbox.stats()["by_status"] == {"401": 1}


def test_a_host_that_refuses_connections_is_told_soon(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/current"
        ended = run(place, "run", *DAY, OPTIMOVE_API_URL=url)
    fail(ended, place, "unreachable", f"The API at {url} gives no answer", "check OPTIMOVE_API_URL")


def test_a_host_that_knows_no_such_address_is_told(place: Place, sandbox: RunningSandbox) -> None:
    url = f"{sandbox.url}/elsewhere"
    ended = run(place, "run", *DAY, OPTIMOVE_API_URL=url)
    fail(ended, place, "HTTP 404", f"The API is not at {url}", "check OPTIMOVE_API_URL")


def test_a_host_that_answers_with_a_web_page_is_told(place: Place, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("html_page"))
    fail(run(place, "run", *DAY), place, "The answer is an HTML page", "check OPTIMOVE_API_URL")


def test_a_wrong_address_does_not_make_the_data_directory_another_tenants(
    place: Place, sandbox: RunningSandbox
) -> None:
    assert run(place, "run", *DAY, OPTIMOVE_API_URL=f"{sandbox.url}/elsewhere").code == 1
    ended = pull(place, "promo_codes")
    assert ended.code == 0, ended.told
    assert json.loads(ended.out)["lines"]["promo_codes"]["rows"] == 9


def test_a_key_that_is_refused_during_a_run_ends_it_without_further_calls(
    place: Place, sandbox: RunningSandbox
) -> None:
    sandbox.faults(Fault("unauthorized", after=1))
    ended = pull(place, "promo_codes", "target_groups_by_date")
    assert ended.code == 1
    assert sandbox.stats()["by_status"] == {"200": 1, "401": 1}
    problems = json.loads(ended.out)["problems"]
    assert problems
    assert all("HTTP 401" in problem and "check OPTIMOVE_API_KEY" in problem for problem in problems)
    assert tables(place) == []


def test_a_key_that_may_not_ask_for_the_last_update_still_pulls_reports(
    place: Place, sandbox: RunningSandbox
) -> None:
    sandbox.faults(Fault("forbidden", function="GetLastDataUpdate"))
    ended = pull(place, "promo_codes")
    assert ended.code == 0, ended.told
    assert "How far the tenant's data reach is not known" in ended.told
    assert alike(published(place, "promo_codes", NEWEST)) == alike(true_rows(sandbox, "promo_codes", NEWEST))
