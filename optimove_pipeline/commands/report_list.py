"""``reports``: the catalogue as a table, with what each report costs in calls for a day."""

from __future__ import annotations

from typing import Any

from optimove_pipeline.reports.catalogue import REPORTS
from optimove_pipeline.reports.report import Over, Report

COLUMNS = ("No.", "report", "function", "calls for a day", "reads", "takes attributes", "look-back", "kind")

_COSTS: dict[Over, str] = {
    Over.DAY: "1",
    Over.SNAPSHOT: "1",
    Over.TARGET_GROUP: "1 per target group of the day",
    Over.CAMPAIGN: "1 per campaign of the day",
    Over.SENT_CAMPAIGN: "1 per campaign of the day that did not fail",
    Over.ONE_TIME_CAMPAIGN: "1 per campaign of the day, none if the day has no one-time actions",
    Over.CAMPAIGN_CHANNEL: "1 per campaign of the day and channel it ran on",
    Over.CHANNEL: "1 per channel",
    Over.CHANNEL_EVENT: "1 per channel and interaction event",
    Over.ACTIVITY_EVENT: "1 per activity event",
    Over.LIFECYCLE_STAGE: "1 per lifecycle stage, or 1 by attribute and value",
    Over.CHANGED_ATTRIBUTE: "1 per changed attribute chosen",
    Over.ACTION_PAIR: "1 per recipient group and action executed that day (exhaustive: 10 per action)",
}


def rows() -> list[dict[str, Any]]:
    """Return a row for each of the 27 reports, keyed by ``COLUMNS``."""
    return [dict(zip(COLUMNS, _row(report), strict=True)) for report in REPORTS]


def _row(report: Report) -> tuple[Any, ...]:
    cost = _COSTS[report.over] + (", each and its further pages" if report.paged else "")
    return (
        report.number,
        report.name,
        report.function,
        cost,
        ", ".join(report.upstream),
        "yes" if report.attributes else "",
        f"{report.look_back} days" if report.look_back else "",
        "snapshot" if report.snapshot else "daily",
    )


def as_markdown() -> str:
    """Return the page ``docs/reports.md``."""
    lines = [
        "# The 27 reports",
        "",
        "Made by `optimove-pipeline reports --markdown`; a test compares it with the catalogue.",
        "",
        "A paged function (those of customers) costs one call more than its pages, since only an empty page says for "
        "certain that it was the last; `api.stop_at: proven_short_page` saves most of these. A report's upstream "
        "reports are pulled with it, and their rows are read from there, never asked for again.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"| {' | '.join('---' for _ in COLUMNS)} |",
        *(f"| {' | '.join(str(value) for value in row.values())} |" for row in rows()),
        "",
    ]
    return "\n".join(lines)
