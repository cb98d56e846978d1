"""``forget``: who is named is on the list, and Optimove is asked only where that is wanted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from optimove_pipeline.cli import main
from optimove_pipeline.sandbox.customers import customer_id
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline.suppression import listed, suppressed
from optimove_pipeline_tests.end_to_end.place import Place, environment, settle

REMOVE = "customers/RemoveCustomerPII"
KNOWN = [customer_id(index) for index in (7, 13, 21)]


@pytest.fixture(scope="module")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=date(2026, 11, 20), windows=()) as sandbox:
        yield sandbox


@pytest.fixture
def place(tmp_path: Path, sandbox: RunningSandbox) -> Place:
    return settle(tmp_path, sandbox)


def forget(place: Place, *arguments: str) -> Result:
    with environment(place):
        return CliRunner().invoke(main, ["forget", *arguments])


def test_customers_named_are_on_the_list_and_optimove_is_not_asked(place: Place, sandbox: RunningSandbox) -> None:
    done = forget(place, "A1", "A2", "A1", "--reason", "request 4711")
    assert done.exit_code == 0
    assert done.output.startswith("2 of 2 customers are new on the list.")
    assert suppressed(place.data) == {"A1", "A2"}
    assert {each.reason for each in listed(place.data)} == {"request 4711"}
    assert sandbox.stats()["total"] == 0


def test_a_file_names_customers_one_a_line(place: Place) -> None:
    file = place.root / "ids.txt"
    file.write_bytes("\ufeffA1\r\n\r\n Zoë-34 \n".encode())
    assert forget(place, "B1", "--file", str(file)).exit_code == 0
    assert suppressed(place.data) == {"A1", "Zoë-34", "B1"}


def test_the_list_is_shown_and_customers_are_released(place: Place) -> None:
    forget(place, "A1", "A2", "--reason", "request 4711")
    shown = forget(place, "--list").output.splitlines()
    assert [line.split()[0] for line in shown] == ["A1", "A2"]
    assert all(line.endswith("UTC  request 4711") for line in shown)
    assert forget(place, "--release", "A1", "B1").output.startswith("1 of 2 customers were on the list")
    assert suppressed(place.data) == {"A2"}


def test_optimove_removes_them_and_the_call_is_counted(place: Place, sandbox: RunningSandbox) -> None:
    done = forget(place, *KNOWN, "--remove-from-optimove")
    assert done.exit_code == 0
    assert f"Optimove removes the personal data of 3 customers ({REMOVE})." in done.output
    assert sandbox.stats()["by_function"][REMOVE] == 1
    recorded = "".join(file.read_text() for file in (place.data / "calls").glob("*.ndjson"))
    assert recorded.count("\n") == sandbox.stats()["total"]
    assert REMOVE in recorded


def test_customers_that_optimove_never_had_are_told(place: Place) -> None:
    done = forget(place, KNOWN[0], "nobody", "--remove-from-optimove")
    assert done.exit_code == 1
    assert done.output.splitlines()[-2:] == [
        "It failed for 1, most likely since Optimove has never had them:",
        "nobody",
    ]
    assert suppressed(place.data) == {KNOWN[0], "nobody"}


@pytest.mark.parametrize("fault", ["forbidden", "http_500", "cut_body", "not_found"])
def test_where_optimove_refuses_they_are_on_the_list_all_the_same(
    place: Place, sandbox: RunningSandbox, fault: str
) -> None:
    sandbox.faults(Fault(fault, "RemoveCustomerPII"))
    refused = forget(place, *KNOWN, "--remove-from-optimove")
    assert refused.exit_code == 1
    assert REMOVE in refused.output
    assert suppressed(place.data) == {*KNOWN}


def test_no_id_reaches_a_log_or_the_record_of_calls(
    place: Place, sandbox: RunningSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sandbox.faults(Fault("http_500", "RemoveCustomerPII", times=1))
    forget(place, "Canary-1", "--remove-from-optimove")
    files = [file for folder in ("calls", "state") for file in (place.data / folder).rglob("*") if file.is_file()]
    holding = [file.name for file in files if b"Canary-1" in file.read_bytes()]
    assert holding == ["suppression.sqlite"]
    assert "Canary-1" not in caplog.text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "no customer is named"),
        (("--file", "missing.txt"), "--file missing.txt"),
        ((" A1",), "blanks around it"),
    ],
)
def test_a_wrong_call_changes_nothing(place: Place, arguments: tuple[str, ...], told: str) -> None:
    refused = forget(place, *arguments)
    assert refused.exit_code == 2
    assert told in refused.output
    assert suppressed(place.data) == frozenset()
