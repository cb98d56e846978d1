"""Whom a command works for: the tenant that is configured, or else the sandbox, which it starts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from optimove_pipeline.commands.terminal import told
from optimove_pipeline.config import Settings, load_settings, write_sandbox_settings


@contextmanager
def tenant_or_sandbox(settings: Settings, *, date_moves: bool = False) -> Iterator[Settings]:
    """Yield the settings, with the sandbox running, and its address in them, if no tenant is configured.

    The sandbox's date stands still, so that a run across midnight finds one and the same last day, unless it is to
    move on day by day.
    """
    if not settings.sandbox or os.environ.get("OPTIMOVE_SANDBOX_URL"):
        yield settings
        return
    from optimove_pipeline.sandbox.process import running_sandbox

    told.print("No tenant is configured (OPTIMOVE_API_URL, OPTIMOVE_CONFIG): using the built-in sandbox.")
    today = None if date_moves else datetime.now(settings.zone).date()
    with running_sandbox(preset="tiny", today=today, folder=str(settings.data_dir / "sandbox")) as sandbox:
        write_sandbox_settings(settings.data_dir, {**sandbox.settings(), "delivery": {"datasets": ["sandbox"]}})
        os.environ["OPTIMOVE_SANDBOX_URL"] = sandbox.url
        try:
            yield _with_sandbox(settings, load_settings())
        finally:
            del os.environ["OPTIMOVE_SANDBOX_URL"]


def _with_sandbox(chosen: Settings, sandbox: Settings) -> Settings:
    """Return the settings chosen by the command, with the address of the sandbox and what its company sends."""
    sections = ("api", "sources", "datasets", "targets", "delivery")
    return chosen.model_copy(update={name: getattr(sandbox, name) for name in sections})
