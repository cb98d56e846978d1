"""Targets that take files, from documents as settings hold them."""

from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from optimove_pipeline.settings.target import FileTargetSettings
from optimove_pipeline.settings.targets import AnyTarget
from optimove_pipeline.targets.target import Target


def file_settings(document: dict[str, Any]) -> FileTargetSettings:
    """Return the settings that a document holds."""
    settings = TypeAdapter(AnyTarget).validate_python(document)
    assert isinstance(settings, FileTargetSettings)
    return settings


def opened(name: str, document: dict[str, Any], data_dir: Path) -> Target:
    """Return the target that a document describes."""
    return file_settings(document).open(name, data_dir)
