"""A share of a Snowflake account, which Optimove reads from its own account."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from optimove_pipeline.settings.snowflake_login import SnowflakeLogin
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.settings.types import Count, Flag, Seconds, Section, Text
from optimove_pipeline.targets.connecting import Step

if TYPE_CHECKING:
    from optimove_pipeline.targets.snowflake.target import SnowflakeTarget
    from optimove_pipeline.targets.table import Table

_ACCOUNT = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?")
_ADDRESS = re.compile(r"https?://[^/:\s]+(:\d+)?")
_MOST_MINUTES = 11_520
"""Eight days, the longest time that Snowflake leaves between two refreshes of a listing."""


def _account(text: str) -> str:
    if not _ACCOUNT.fullmatch(text):
        raise ValueError("expected organisation.account with _ for -, or an account locator")
    return text


def _address(text: str) -> str:
    if not _ADDRESS.fullmatch(text):
        raise ValueError("expected an address such as https://acme.privatelink.snowflakecomputing.com")
    return text


AccountName = Annotated[Text, AfterValidator(_account)]


class Consumer(Section):
    """An account of Optimove that may read the share."""

    account: AccountName = Field(description="organisation.account, or the account's locator")
    locator: AccountName | None = Field(None, description="the account's locator, where Snowflake lists it so")
    region: Text | None = Field(None, description="its cloud and region, as CURRENT_REGION() tells: AWS_EU_WEST_1")

    @property
    def names(self) -> set[str]:
        """What Snowflake may call the account, in capital letters."""
        return {name.upper() for name in (self.account, self.account.rpartition(".")[2], self.locator) if name}


class SnowflakeShareSettings(SnowflakeLogin, TableTargetSettings):
    """A share of a Snowflake account."""

    kind: Literal["snowflake"]
    role: Text = Field(description="the role that owns the objects; it must be able to make shares")
    warehouse: Text = Field(description="the warehouse that loads")
    database: Text = Field(description="the database that is shared")
    schema_name: Text = Field("OPTIMOVE", description="schema of the secure views, which alone are shared")
    tables_schema: Text = Field("OPTIMOVE_TABLES", description="schema of the tables behind them")
    tables_database: Text | None = Field(None, description="database of the tables, if another than the shared one")
    share: Text = "OPTIMOVE_SHARE"
    consumers: tuple[Consumer, ...] = Field((), description="accounts of Optimove that may read the share")
    own_region: Text | None = Field(
        None, description="our cloud and region, as CURRENT_REGION() tells: AWS_EU_WEST_1"
    )
    through: Literal["share", "listing", "replication"] = Field(
        "share", description="how it gets there: directly, or where regions differ by a listing or a replica of ours"
    )
    listing: Text = Field("OPTIMOVE_LISTING", description="name of the listing, or of the replication group")
    replica_account: AccountName | None = Field(
        None, description="organisation.account of ours in Optimove's region, for replication"
    )
    refresh_minutes: Annotated[Count, Field(le=_MOST_MINUTES)] = Field(
        60, description="how often a listing or a replica is refreshed"
    )
    share_restrictions: Flag = Field(
        default=True,
        description="false lets an account of Business Critical edition share with one of a lower edition",
    )
    statement_seconds: Annotated[Seconds, Field(ge=1)] = Field(
        3600, description="longest time for one statement, its tries after cut connections included"
    )
    endpoint: Annotated[Text, AfterValidator(_address)] | None = Field(
        None, description="address of the account, where it has one of its own, such as a private link"
    )

    @model_validator(mode="after")
    def _views_lie_apart(self) -> Self:
        same_database = self.tables_database in (None, self.database)
        if same_database and self.tables_schema.upper() == self.schema_name.upper():
            raise ValueError("tables_schema and schema_name must differ: only the views' schema is shared")
        return self

    @model_validator(mode="after")
    def _reaches(self) -> Self:
        if self.through == "replication" and (self.replica_account is None or "." not in self.replica_account):
            raise ValueError("through: replication needs replica_account, as organisation.account")
        for consumer in self.consumers:
            if self.through == "share" and self.own_region and consumer.region and self.is_elsewhere(consumer):
                raise ValueError(
                    f"{consumer.account} is in {consumer.region}, this account in {self.own_region}: a share reaches "
                    "accounts of its own cloud and region only; set through: listing, or replication"
                )
        return self

    def is_elsewhere(self, consumer: Consumer) -> bool:
        """Return whether an account is known to be in another cloud or region than ours."""
        known = self.own_region and consumer.region
        return bool(known) and region(self.own_region or "") != region(consumer.region or "")

    def open(self, name: str, data_dir: Path) -> SnowflakeTarget:
        """Return the share as a target."""
        from optimove_pipeline.targets.snowflake.target import SnowflakeTarget

        return SnowflakeTarget(name, self, data_dir)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return what both sides set up (reference on delivery, section 3.1)."""
        from optimove_pipeline.targets.snowflake.steps import steps_of

        return steps_of(name, self, tables)


def region(text: str) -> str:
    """Return a region as one text: CURRENT_REGION() may name its group before it (``PUBLIC.AWS_EU_WEST_1``)."""
    return text.rpartition(".")[2].upper().replace("-", "_")


SETTINGS = SnowflakeShareSettings
