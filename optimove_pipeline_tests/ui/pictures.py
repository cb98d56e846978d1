"""Makes the pictures of the UI in the documentation from a demo run.

``python -m optimove_pipeline_tests.ui.pictures`` writes ``docs/images/{assets,asset,backfill}.png``. Look at them
before you keep them.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page

from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline_tests.end_to_end.place import Place, run, settle
from optimove_pipeline_tests.ui.browser import browsing
from optimove_pipeline_tests.ui.running_dev import Dev, running_dev

IMAGES = Path(__file__).parents[2] / "docs" / "images"

REPORTS = (
    "customer_send_details_by_campaign",
    "executed_campaign_details",
    "promo_codes",
    "promo_codes_by_campaign",
    "target_groups_by_date",
)

TODAY = datetime.now(UTC).date()
FIRST = TODAY - timedelta(days=28)
LATEST = TODAY - timedelta(days=1)
BACKFILLED = FIRST + timedelta(days=6)
"""The last day that the backfill brings; the demo run brings those after it."""

SETTLED_MILLISECONDS = 4_000
"""Until what the page loads after its text is there, such as icons and plots."""


def main() -> None:
    """Make the pictures; a few minutes, most of which Dagster's daemon waits."""
    with (
        tempfile.TemporaryDirectory() as folder,
        demo(Path(folder)) as (dev, tenant),
        browsing(Path(folder) / "browser") as page,
    ):
        picture_backfill(dev, tenant, page)
        picture_asset(dev, page)
        picture_graph(dev, page)


@contextmanager
def demo(folder: Path) -> Iterator[tuple[Dev, RunningSandbox]]:
    """Yield a daemon and UI on a tenant of which the latest days have been pulled."""
    with running_sandbox(preset="tiny", today=TODAY, windows=()) as tenant:
        place = settle(
            folder / "demo",
            tenant,
            tenant={"start_date": FIRST.isoformat()},
            reports={"select": [*REPORTS]},
            readiness={"time": "00:00"},
        )
        pull(place, BACKFILLED + timedelta(days=1))
        with running_dev(place) as dev:
            yield dev, tenant


def pull(place: Place, first: date) -> None:
    """Pull the days from ``first`` on."""
    ended = run(place, "run", "--from", first.isoformat())
    if ended.code:
        raise RuntimeError(ended.told)


def picture_backfill(dev: Dev, tenant: RunningSandbox, page: Page) -> None:
    """A backfill whose first run is under way, on a server that takes its time."""
    tenant.faults(Fault("slow_body"))
    days = [FIRST + timedelta(days=number) for number in range((BACKFILLED - FIRST).days + 1)]
    identity = dev.backfill(REPORTS, days, "First week")
    page.set_viewport_size({"width": 1440, "height": 620})
    page.goto(f"{dev.url}/runs/b/{identity}")
    page.get_by_text(re.compile(r"[1-9]\d*% completed")).first.wait_for()
    _keep(page, "backfill")
    tenant.faults()


def picture_graph(dev: Dev, page: Page) -> None:
    """All assets of the demo, by group."""
    page.set_viewport_size({"width": 1440, "height": 1120})
    page.goto(f"{dev.url}/asset-groups")
    page.get_by_text("Hide navigation", exact=True).click()
    page.get_by_text("customers", exact=True).first.wait_for()
    page.keyboard.press("Alt+e")  # expands the groups
    page.get_by_text("promo_codes", exact=True).first.wait_for()
    page.reload()  # fits the graph into the window
    page.get_by_text("promo_codes", exact=True).first.wait_for()
    _keep(page, "assets")


def picture_asset(dev: Dev, page: Page) -> None:
    """An asset with its checks and plots."""
    page.set_viewport_size({"width": 1440, "height": 1075})
    page.goto(f"{dev.url}/assets/validated/promo_codes")
    page.get_by_text("Plots", exact=True).first.click()
    page.get_by_text("rows in quarantine", exact=True).first.wait_for()
    _keep(page, "asset")


def _keep(page: Page, name: str) -> None:
    page.wait_for_timeout(SETTLED_MILLISECONDS)
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
