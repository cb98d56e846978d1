"""The campaign runs that a request is about."""

from optimove_pipeline.sandbox.arguments import Arguments
from optimove_pipeline.sandbox.executions import Execution, executions, latest
from optimove_pipeline.sandbox.tenant import Tenant


def runs_of_day(tenant: Tenant, asked: Arguments) -> tuple[Execution, ...]:
    """All runs of the parameter ``Date``; none for a day without data."""
    day = asked.day("Date")
    return executions(tenant.options, day) if tenant.knows(day) else ()


def run_of_campaign(tenant: Tenant, asked: Arguments) -> Execution | None:
    """The latest run of the parameter ``CampaignID``."""
    return latest(tenant.options, asked.integer("CampaignID"), tenant.last_data_update)
