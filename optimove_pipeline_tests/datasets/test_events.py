"""What the context of an event may hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.staging import Staging
from optimove_pipeline_tests.datasets.rows import dataset_named, row, validated

EVENTS = dataset_named("events")
DEPOSIT, REGISTRATION = "ootb_deposit", "ootb_registration"


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "staging")


def events(*contexts: tuple[str, Any]) -> list[dict[str, Any]]:
    return [
        row("events", event_id=f"E{number}", event=event, context=json.dumps(context))
        for number, (event, context) in enumerate(contexts)
    ]


def test_values_of_the_contracts_types_are_taken(staging: Staging) -> None:
    rows = events(
        (DEPOSIT, {"amount": 5}),
        (DEPOSIT, {"amount": -5.25, "start_balance": None}),
        (DEPOSIT, {"ootb_amount": 5, "ootb_method": "é" * 255}),
        (DEPOSIT, {"deposit_timestamp": "2022-04-09T20:01:51.887000Z"}),
        (DEPOSIT, {"ootb_deposit_timestamp": "2022-04-09T20:01:51+01:00"}),
        (REGISTRATION, {"is_optin": "Yes", "allow_sms": False}),
        (REGISTRATION, {}),
    )
    found = validated(staging, EVENTS, rows)
    assert (found.rows, found.by_rule, found.warned) == (len(rows), {}, {})


def test_values_of_other_types_are_not(staging: Staging) -> None:
    rows = events(
        (DEPOSIT, {"amount": "5"}),
        (DEPOSIT, {"amount": True}),
        (DEPOSIT, {"method": 5}),
        (DEPOSIT, {"method": "é" * 256}),
        (DEPOSIT, {"method": ["card"]}),
        (DEPOSIT, {"deposit_timestamp": "2022-04-09 20:01:51"}),
        (REGISTRATION, {"is_optin": "yes"}),
        (REGISTRATION, {"is_optin": 1}),
        (REGISTRATION, {"is_optin": ["Yes"]}),
    )
    found = validated(staging, EVENTS, rows)
    assert (found.rows, found.by_rule) == (0, {"type:context": len(rows)})


@pytest.mark.parametrize("context", [[], "text", 5])
def test_a_context_that_is_no_object_is_rejected(staging: Staging, context: Any) -> None:
    assert validated(staging, EVENTS, events((DEPOSIT, context))).by_rule == {"object:context": 1}


def test_the_context_of_an_unknown_event_is_not_judged_further(staging: Staging) -> None:
    found = validated(staging, EVENTS, events(("my_event", {"Amount": "5"})))
    assert found.by_rule == {"event": 1}


def test_an_unknown_parameter_is_told_and_a_name_that_is_not_snake_case_rejected(staging: Staging) -> None:
    found = validated(staging, EVENTS, events((DEPOSIT, {"tip": 5}), (DEPOSIT, {"startBalance": 5, "tip": 5})))
    assert (found.rows, found.by_rule, found.warned) == (1, {"names:context": 1}, {"parameters:context": 2})
