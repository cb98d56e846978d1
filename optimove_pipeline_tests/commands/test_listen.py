"""``listen --registered`` and ``--register``: what is there is shown, and nothing is registered unasked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from optimove_pipeline.cli import main
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.end_to_end.place import Place, environment, settle

SECRET = "canary-0123456789-abcdef"
URL = "https://etl.example.com/optimove"
OTHER = "https://crm.example.com/hook"
REGISTER = "general/RegisterEventListener"


@pytest.fixture(scope="module")
def started() -> Iterator[RunningSandbox]:
    with running_sandbox(preset="tiny", today=date(2026, 11, 20), windows=()) as sandbox:
        yield sandbox


@pytest.fixture
def place(tmp_path: Path, sandbox: RunningSandbox) -> Place:
    """A place whose environment has the listener's secret."""
    settled = settle(tmp_path, sandbox)
    return Place(settled.root, {**settled.environment, "OPTIMOVE_LISTENER_SECRET": SECRET})


def listen(place: Place, *arguments: str, answer: str = "") -> Result:
    with environment(place):
        return CliRunner().invoke(main, ["listen", *arguments], input=answer)


def calls(sandbox: RunningSandbox, function: str) -> list[dict[str, Any]]:
    return [call for call in sandbox.stats()["calls"] if call["function"] == function]


def test_what_is_registered_is_shown_before_a_person_is_asked(place: Place, sandbox: RunningSandbox) -> None:
    assert listen(place, "--register", OTHER, "--yes").exit_code == 0
    shown = listen(place, "--register", URL, answer="n\n")
    assert shown.exit_code == 1
    listed, asked = shown.output.index(OTHER), shown.output.index(f"Register {URL}/*** for events 3")
    assert listed < asked
    assert len(calls(sandbox, REGISTER)) == 1


def test_a_confirmed_registration_is_made_and_shown_without_the_secret(place: Place, sandbox: RunningSandbox) -> None:
    done = listen(place, "--register", f"{URL}/", "--event", "2", "--event", "3", answer="y\n")
    assert done.exit_code == 0
    assert "Optimove has no listener registered." in done.output
    assert done.output.count(f'"ListenerURL": "{URL}/***"') == 2
    assert SECRET not in done.output
    assert len(calls(sandbox, REGISTER)) == 2
    shown = listen(place, "--registered")
    assert [line for line in shown.output.splitlines() if "EventTypeID" in line] == [
        f'{{"EventTypeID": {event}, "ListenerURL": "{URL}/***"}}' for event in (2, 3)
    ]


def test_where_a_proxy_adds_the_secret_the_address_is_registered_as_it_is(
    tmp_path: Path, sandbox: RunningSandbox
) -> None:
    settled = settle(tmp_path, sandbox, listener={"header": "X-Event-Secret"})
    place = Place(settled.root, {**settled.environment, "OPTIMOVE_LISTENER_SECRET": SECRET})
    assert listen(place, "--register", URL, "--yes").exit_code == 0
    assert f'"ListenerURL": "{URL}"' in listen(place, "--registered").output


def test_calls_for_listeners_are_counted_and_recorded(place: Place, sandbox: RunningSandbox) -> None:
    listen(place, "--register", URL, "--yes")
    recorded = "".join(file.read_text() for file in (place.data / "calls").glob("*.ndjson"))
    made = sandbox.stats()["total"]
    assert recorded.count("\n") == made
    assert REGISTER in recorded
    assert SECRET not in recorded


@pytest.mark.parametrize(
    "url", ["etl.example.com", "ftp://etl.example.com", "https://", f"{URL}?key=1", "https://h:x"]
)
def test_an_address_that_cannot_be_one_is_refused(place: Place, sandbox: RunningSandbox, url: str) -> None:
    refused = listen(place, "--register", url, "--yes")
    assert refused.exit_code == 2
    assert "expected the public address of the listener" in refused.output
    assert sandbox.stats()["total"] == 0


def test_nothing_is_registered_without_a_secret(tmp_path: Path, sandbox: RunningSandbox) -> None:
    place = settle(tmp_path, sandbox)
    refused = listen(place, "--register", URL, "--yes")
    assert refused.exit_code == 2
    assert "OPTIMOVE_LISTENER_SECRET is not set" in refused.output
    assert listen(place, "--registered").output == "Optimove has no listener registered.\n"
    assert calls(sandbox, REGISTER) == []


def test_an_account_without_event_listeners_is_told_so(place: Place, sandbox: RunningSandbox) -> None:
    sandbox.faults(Fault("forbidden", "GetRegisteredEventListeners"))
    refused = listen(place, "--registered")
    assert refused.exit_code == 1
    assert "may not call this function" in refused.output


def test_a_port_that_is_taken_is_told(place: Place, sandbox: RunningSandbox) -> None:
    port = sandbox.url.removesuffix("/current").rpartition(":")[2]
    refused = listen(place, "--port", port)
    assert refused.exit_code == 2
    assert f"127.0.0.1:{port} can't be opened" in refused.output
