"""Drivers of databases: installed with an extra, imported when a source of their kind is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from optimove_pipeline.errors import SettingsError


def driver(module: str, extra: str, place: str) -> Any:
    """Return a driver's module.

    Raises:
        SettingsError: it is not installed; the message has the command.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise SettingsError(f"{place}: needs {module} ({error}): pip install 'optimove-pipeline[{extra}]'") from error


def first_line(error: object) -> str:
    """Return the first line of a driver's error, shortened; the lines after it may hold a row's values."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
