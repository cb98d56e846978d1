"""A process that extracts one day of one report from a sandbox, and prints its rows and its peak memory in MiB."""

import sys
from datetime import date
from pathlib import Path

from optimove_pipeline.config import sandbox_settings
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.session import Session
from optimove_pipeline.settings.api import BudgetLimits, WindowLimit
from optimove_pipeline_tests.peak import peak_mebibytes


def main(url: str, report: str, day: str, folder: str) -> None:
    """Extract and print."""
    settings = sandbox_settings(url, Path(folder)).model_copy(
        update={"budget": BudgetLimits(windows=(WindowLimit(calls=100_000, seconds=1),))}
    )
    session = Session(settings, "a run")
    outcome = session.extract(BY_NAME[report], [date.fromisoformat(day)])
    session.close()
    rows = sum(extracted.rows for extracted in outcome.extracted.values())
    print(rows, peak_mebibytes())  # noqa: T201 - to the test


if __name__ == "__main__":
    main(*sys.argv[1:])
