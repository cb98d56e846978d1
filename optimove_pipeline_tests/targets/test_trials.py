"""The test folder of a target: below its own, or where the settings say, and never its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline_tests.targets.opened import file_settings

SFTP = {"kind": "sftp", "host": "sftp.example.com", "username": "acme", "password": "${SFTP_PASSWORD}"}
AZURE = {"kind": "azure", "account": "acme", "container": "in"}


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"kind": "local", "folder": "out"}, "/data/out/optimove-pipeline-test"),
        ({"kind": "local", "folder": "/mnt/out", "test_folder": "/mnt/trials"}, "/mnt/trials"),
        (SFTP, "sftp://sftp.example.com:22/optimove-pipeline-test"),
        ({**SFTP, "folder": "/in"}, "sftp://sftp.example.com:22//in/optimove-pipeline-test"),
        ({**SFTP, "folder": "in", "test_folder": "test"}, "sftp://sftp.example.com:22/test"),
        ({"kind": "s3", "bucket": "acme", "prefix": "daily"}, "s3://acme/daily/optimove-pipeline-test"),
        ({"kind": "gcs", "bucket": "acme"}, "gcs://acme/optimove-pipeline-test"),
        ({**AZURE, "prefix": "daily", "test_folder": "/trials/"}, "azure://acme/in/trials"),
    ],
)
def test_trials_go_to_a_folder_of_their_own(document: dict[str, Any], place: str) -> None:
    assert file_settings(document).for_trials("target").open("target", Path("/data")).place == place


@pytest.mark.parametrize(
    "document",
    [
        {"kind": "local", "folder": "out", "test_folder": "out/"},
        {**SFTP, "folder": "in", "test_folder": "./x/../in"},
        {"kind": "s3", "bucket": "acme", "prefix": "daily", "test_folder": "/daily"},
    ],
)
def test_the_folder_of_deliveries_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(
        SettingsError, match=r"^targets\.cloud\.test_folder: it is the target's own (folder|prefix); name"
    ):
        file_settings(document).for_trials("cloud")
