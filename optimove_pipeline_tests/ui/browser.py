"""A headless Chromium that goes to this machine only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"

WIDTH, HEIGHT = 1440, 900

SLOW_PAGE_MILLISECONDS = 120_000
"""Dagster's UI takes a quarter of a minute to come up on a loaded machine."""

_ARGUMENTS = (
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


@contextmanager
def browsing(profile: Path) -> Iterator[Page]:
    """Open a page in a browser of its own; it is closed at the end."""
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            headless=True,
            args=[*_ARGUMENTS],
            viewport={"width": WIDTH, "height": HEIGHT},
            timezone_id="UTC",
        )
        try:
            context.set_default_timeout(SLOW_PAGE_MILLISECONDS)
            yield context.pages[0]
        finally:
            context.close()
