"""``sandbox``: a local Optimove until interrupted."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import yaml

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sandbox.options import SandboxOptions, as_json, from_json
from optimove_pipeline.sandbox.server import serve


def serve_sandbox(chosen: Mapping[str, Any], further: Sequence[str], tell: Callable[[str], None]) -> None:
    """Serve until interrupted; ``chosen`` and ``further`` are those of ``chosen_options``.

    Raises:
        SettingsError: an option is unknown or its value can't work, or a port is taken.
    """
    options = chosen_options(chosen, further)
    serve(options, lambda url: _tell(url, options.key, tell))


def chosen_options(chosen: Mapping[str, Any], further: Sequence[str]) -> SandboxOptions:
    """Return the sandbox's options; ``further`` are given as ``name=value``, values as in YAML.

    Unless an option names another one, its folder is ``sandbox`` in the data directory.

    Raises:
        SettingsError: an option is unknown or its value can't work.
    """
    folder = Path(os.environ.get("OPTIMOVE_DATA_DIR") or "data") / "sandbox"
    plain = as_json(SandboxOptions(folder=str(folder))) | dict(chosen) | dict(_parsed(text) for text in further)
    try:
        return from_json(plain)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"sandbox: a value has the wrong form: {error}") from error


def _tell(url: str, key: str, tell: Callable[[str], None]) -> None:
    tell(f"The sandbox answers at {url}, key {key}. Ctrl-C ends it. To use it:")
    tell(f"export OPTIMOVE_SANDBOX_URL={url}")


def _parsed(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    known = as_json(SandboxOptions())
    if not equals or name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(known)}"
        raise SettingsError(f"--option {text}: expected NAME=VALUE with a known name; {hint}")
    parsed = yaml.safe_load(value)
    return name, str(parsed) if name in {"start", "today"} else parsed
