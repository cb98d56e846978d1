"""The tenant of a sandbox: its options, and the date that it has come to."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from optimove_pipeline.sandbox.options import TenantOptions, today_in_utc


@dataclass(frozen=True, slots=True)
class Tenant:
    """An invented Optimove tenant; everything that it holds is a function of these two fields.

    Args:
        options: Size and seed.
        today: Its current date; None for the real date in UTC, which moves on by itself.
    """

    options: TenantOptions = field(default_factory=TenantOptions)
    today: date | None = None

    @property
    def last_data_update(self) -> date:
        """The latest day with data: the day before the current date."""
        return (self.today or today_in_utc()) - timedelta(days=1)

    def knows(self, day: date) -> bool:
        """Whether the day has data."""
        return self.options.start <= day <= self.last_data_update
