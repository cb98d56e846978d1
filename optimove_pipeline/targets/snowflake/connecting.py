"""Carrying out the steps of a share that a program can; doing so again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optimove_pipeline.targets.connecting import Step
from optimove_pipeline.targets.kinds.snowflake import SnowflakeShareSettings
from optimove_pipeline.targets.snowflake import sharing, steps
from optimove_pipeline.targets.snowflake.names import Names
from optimove_pipeline.targets.snowflake.objects import make_places, make_table_and_view
from optimove_pipeline.targets.snowflake.session import SnowflakeSession
from optimove_pipeline.targets.table import Table


def carried_out(
    session: SnowflakeSession, settings: SnowflakeShareSettings, tables: Sequence[Table]
) -> Iterator[Step]:
    """Yield each step once it is done. Raises ``TargetError``; the steps yielded before are done."""
    names = Names.of(settings)
    make_places(session, names)
    yield steps.places_step(names)
    for table in tables:
        make_table_and_view(session, names, table)
    yield steps.tables_step(names, tables)
    yield steps.views_step(names, tables)
    for sql in sharing.share_of(names, tables):
        session.run(sql, f"make the share {names.share}")
    yield steps.share_step(names, tables)
    yield from _passed_on(session, settings, names)


def accounts_of(session: SnowflakeSession, names: Names) -> set[str]:
    """Return the accounts that may read the share, in capital letters. Raises ``TargetError``."""
    rows = session.run(sharing.shown(names)["accounts"], f"look at the accounts of {names.share}")
    return {str(row["grantee_name"]).upper() for row in rows}


def _passed_on(session: SnowflakeSession, settings: SnowflakeShareSettings, names: Names) -> Iterator[Step]:
    """Let Optimove's accounts in, by the way that is set."""
    if settings.through == "replication":
        session.run(sharing.replication_of(names, settings), f"make the replication group {settings.listing}")
        yield steps.replication_step(names, settings)
    elif settings.through == "listing" and settings.consumers:
        for sql in sharing.listing_of(names, settings):
            session.run(sql, f"make the listing {settings.listing}")
        yield steps.listing_step(names, settings)
    elif settings.consumers:
        there = accounts_of(session, names)
        if missing := [consumer for consumer in settings.consumers if not consumer.names & there]:
            session.run(sharing.add_accounts(names, settings, missing), f"let accounts read {names.share}")
        yield steps.accounts_step(names, settings)
