"""The catalogue: one record for each of the 27 reports (reference, section 2).

To add a report is to add one record.
"""

from __future__ import annotations

from optimove_pipeline.reports.catalogue.actions import ACTION_REPORTS
from optimove_pipeline.reports.catalogue.customers import CUSTOMER_REPORTS
from optimove_pipeline.reports.catalogue.descriptions import described
from optimove_pipeline.reports.report import Report

REPORTS: tuple[Report, ...] = tuple(map(described, CUSTOMER_REPORTS + ACTION_REPORTS))
BY_NAME: dict[str, Report] = {report.name: report for report in REPORTS}
