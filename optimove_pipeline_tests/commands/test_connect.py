"""``connect``: the steps of both sides, with the tenant's own names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from optimove_pipeline.cli import main

FILES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "local": ({"kind": "local", "folder": "/mnt/optimove"}, ("/mnt/optimove",)),
    "sftp": (
        {
            "kind": "sftp",
            "host": "sftp.example.com",
            "username": "acme",
            "password": "${SFTP_PASSWORD}",
            "folder": "in",
        },
        ("sftp.example.com:22", "folder in", "targets.optimove.host_keys"),
    ),
    "s3": (
        {"kind": "s3", "bucket": "acme", "prefix": "daily", "region": "eu-west-1"},
        ("arn:aws:s3:::acme/daily/*", "region: eu-west-1", "s3:GetObject"),
    ),
    "gcs": ({"kind": "gcs", "bucket": "acme"}, ("gs://acme", "roles/storage.objectViewer")),
    "azure": (
        {"kind": "azure", "account": "acme", "container": "in", "sas": "${AZURE_SAS}"},
        ("--account-name acme --container-name in", "azure://acme.blob.core.windows.net/in"),
    ),
}


def connect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: dict[str, Any], *arguments: str
) -> tuple[int, str]:
    """Run the command with a tenant whose reports go to the target ``optimove``; return exit code and output."""
    file = tmp_path / "optimove.yaml"
    file.write_text(yaml.safe_dump({"targets": {"optimove": target}, "delivery": {"reports": ["optimove"]}}))
    for name in ("SFTP_PASSWORD", "AZURE_SAS"):
        monkeypatch.setenv(name, "a-secret-canary")
    monkeypatch.setenv("OPTIMOVE_CONFIG", str(file))
    monkeypatch.setenv("OPTIMOVE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("OPTIMOVE_API_URL", "https://api.example.com/current")
    monkeypatch.setenv("OPTIMOVE_API_KEY", "key")
    ended = CliRunner().invoke(main, ["connect", *arguments])
    return ended.exit_code, ended.output


@pytest.mark.parametrize("kind", FILES)
def test_the_steps_hold_the_tenants_names_and_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    target, expected = FILES[kind]
    code, output = connect(tmp_path, monkeypatch, target, "optimove")
    assert code == 0, output
    assert all(text in output for text in expected), output
    assert output.startswith("1. [")
    assert "canary" not in output


def test_programs_get_the_steps_as_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = connect(tmp_path, monkeypatch, FILES["gcs"][0], "optimove", "--json")
    steps = json.loads(output)
    assert code == 0
    assert [step["who"] for step in steps] == ["you", "Optimove", "you", "Optimove", "you"]
    assert not any(step["done"] for step in steps)


def test_a_target_that_nothing_goes_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, output = connect(tmp_path, monkeypatch, FILES["gcs"][0], "lake")
    assert code == 2
    assert "lake: no feed is delivered to a target of that name (those that are: optimove)" in " ".join(
        output.split()
    )
