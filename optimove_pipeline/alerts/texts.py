"""What alerts say: which report, which day, which run, what failed, and what to do.

Problems are messages of this project, which hold neither secrets nor data of customers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from optimove_pipeline.alerts.alert import Alert, AlertKind

MOST_PROBLEMS = 15
LONGEST_PROBLEM = 500

_MOST_NAMES = 3


@dataclass(frozen=True, slots=True)
class Run:
    """A run as alerts name it: its id, its days in words, and where it is shown, each "" if there is none."""

    id: str
    days: str = ""
    link: str = ""

    def __str__(self) -> str:
        return f"Run {self.id} of {self.days}" if self.days else f"Run {self.id}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong (``validated/promo_codes``, or "" for the run as a whole), and the message of that."""

    place: str
    message: str

    def __str__(self) -> str:
        message = self.message if len(self.message) <= LONGEST_PROBLEM else f"{self.message[:LONGEST_PROBLEM]}…"
        return f"- {self.place}: {message}" if self.place else f"- {message}"


def run_failed(run: Run, problems: Sequence[Problem]) -> Alert:
    """Return the alert of a run that failed."""
    what = _names(problems)
    title = " ".join(["a run", *(["of", run.days] if run.days else []), "failed"])
    advice = (
        "When the cause is gone, run it again: re-execute it in Dagster's UI, or pull its days with "
        "`optimove-pipeline run`. Answers that had arrived are used again."
    )
    text = _text(f"{run} failed.", problems, advice, run.link)
    return Alert(AlertKind.RUN_FAILED, f"run/{run.id}", f"{title}: {what}" if what else title, text)


def checks_failed(run: Run, problems: Sequence[Problem]) -> Alert:
    """Return the alert of checks that failed in a run, whether or not it succeeded."""
    advice = (
        "What is named here is not published; what was published of it before is still there. The rows that broke "
        "a rule are in the warehouse's schema quarantine. Pull the days again, or change the rule's setting."
    )
    text = _text(f"{run}: checks failed.", problems, advice, run.link)
    return Alert(AlertKind.CHECK_FAILED, f"checks/{run.id}", f"held back: {_names(problems)}", text)


def late(day: date, by: datetime, missing: Sequence[str], feeds: int, link: str) -> Alert:
    """Return the alert of a day that is not published of the feeds ``missing``, of all ``feeds``."""
    lines = [
        f"{day} is not published of {len(missing)} of {feeds} reports, and was due by {by:%Y-%m-%d %H:%M} UTC: "
        f"{', '.join(missing)}.",
        "Look at their runs in Dagster's UI for what holds them up, or pull the day: "
        f"`optimove-pipeline run --from {day} --to {day}`. Their check `due` turns green when it is there.",
        *([link] if link else []),
    ]
    title = f"{day} is late: {_some(missing)} not published"
    return Alert(AlertKind.LATE, f"not-published/{day}", title, "\n".join(lines))


def budget_exhausted(key: str, calls: int, minutes: float, waiting: int, again: datetime) -> Alert:
    """Return the alert of a daily run that has waited ``minutes`` for the budget of ``calls``.

    ``waiting`` are the calls that wait, ``again`` is when the oldest call leaves the window.
    """
    text = (
        f"All {calls:,} calls of the longest window of the budget are used up. Calls of the daily run that wait: "
        f"{waiting:,}, for {minutes:.0f} minutes so far; one more may be made at {again:%Y-%m-%d %H:%M} UTC.\n"
        "The run goes on by itself. If this happens each day: pull fewer reports (reports.select), narrow them "
        "(reports.filters), and see whether another program uses the same key."
    )
    return Alert(AlertKind.BUDGET, key, "the daily run waits for the budget", text)


def _names(problems: Sequence[Problem]) -> str:
    """Return the reports that the problems are of, the first few by name."""
    names = [problem.place.partition(" ")[0].rpartition("/")[2] for problem in problems]
    return _some([*dict.fromkeys(name for name in names if name)])


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def _text(first: str, problems: Sequence[Problem], advice: str, link: str) -> str:
    lines = [first, *map(str, problems[:MOST_PROBLEMS])]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"- and {len(problems) - MOST_PROBLEMS} more")
    return "\n".join([*lines, advice, *([link] if link else [])])
