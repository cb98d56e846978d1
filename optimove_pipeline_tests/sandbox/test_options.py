"""Options that can't work are refused, each by its name, before anything is started."""

from datetime import date
from typing import Any

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sandbox.options import PRESETS, SandboxOptions, as_json, from_json, tenant_options


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("preset", "huge"),
        ("customers", 10),
        ("campaigns_per_day", 0),
        ("one_time_per_day", -1),
        ("target_groups", 0),
        ("actions", 4),
        ("channels", 9),
        ("reach", 1.5),
        ("start", date(2001, 1, 1)),
        ("port", 70_000),
        ("sftp_port", -1),
        ("public_key", "ssh-ed25519"),
        ("public_key", "ssh-ed25519 no-base64"),
        ("public_key", "ssh-ed25519 AAAAB3NzaC1yc2EAAAADAQABAAABAQ=="),
        ("key", ""),
        ("windows", ((0, 10.0),)),
        ("windows", ((5, -1.0),)),
        ("page_cap", 0),
        ("latency", -0.1),
        ("jitter", -0.1),
        ("token_seconds", 0.0),
        ("empty", "nothing"),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"sandbox {name}: expected .*, got "):
        SandboxOptions(**{name: value})


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_stands(preset: str) -> None:
    assert tenant_options(SandboxOptions(preset=preset)).customers == PRESETS[preset].customers


def test_a_chosen_field_replaces_that_of_the_preset() -> None:
    chosen = tenant_options(SandboxOptions(preset="small", customers=7_000, seed=9))
    assert (chosen.customers, chosen.seed, chosen.actions) == (7_000, 9, PRESETS["small"].actions)


def test_options_survive_the_way_through_json() -> None:
    options = SandboxOptions(
        preset="tiny", today=date(2026, 11, 20), start=date(2025, 1, 1), windows=((5, 1.5),), empty="404", folder="x"
    )
    assert from_json(as_json(options)) == options


def test_the_password_and_the_key_are_in_no_message_and_no_repr() -> None:
    assert "very-secret" not in repr(SandboxOptions(key="very-secret", password="very-secret"))
    with pytest.raises(SettingsError) as caught:
        SandboxOptions(key="very-secret", password="very-secret", page_cap=0)
    assert "very-secret" not in str(caught.value)
