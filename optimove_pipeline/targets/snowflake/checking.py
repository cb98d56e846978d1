"""The check of a share: what it grants and to whom, and each view read as a consumer's account would read it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial

from optimove_pipeline.errors import PipelineError
from optimove_pipeline.targets.check import Checked
from optimove_pipeline.targets.errors import TargetError
from optimove_pipeline.targets.kinds.snowflake import SnowflakeShareSettings, region
from optimove_pipeline.targets.snowflake import sharing
from optimove_pipeline.targets.snowflake.connecting import accounts_of
from optimove_pipeline.targets.snowflake.names import Names, literal, plain, quoted
from optimove_pipeline.targets.snowflake.session import SnowflakeSession
from optimove_pipeline.targets.table import Table

Step = tuple[str, Callable[[SnowflakeSession], str]]
"""What a step is called, and what does it: it returns what was seen, and raises ``TargetError``."""


def checked(
    name: str,
    entered: AbstractContextManager[SnowflakeSession],
    settings: SnowflakeShareSettings,
    tables: Sequence[Table],
) -> list[Checked]:
    """Return the steps tried, ending with the first that failed."""
    done, doing = list[Checked](), "log in"
    with ExitStack() as stack:
        try:
            session = stack.enter_context(entered)
            for doing, step in _steps(name, settings, tables):
                seen = step(session)
                done.append(Checked(f"{doing}{seen}", passed=True))
        except PipelineError as error:
            done.append(Checked(doing, passed=False, fix=str(error)))
    return done


def _steps(name: str, settings: SnowflakeShareSettings, tables: Sequence[Table]) -> Iterator[Step]:
    names, again = Names.of(settings), f"run optimove-pipeline connect {name} --apply"
    yield "log in", partial(_region, settings, name)
    yield "grants of the share", partial(_grants, names, tables, again)
    yield "secure views", partial(_secure, names, tables, again)
    if settings.through == "share":
        yield "accounts", partial(_accounts, settings, names, name)
    else:
        yield settings.through, partial(_on_its_way, settings, again)
    yield "as the consumer", partial(_simulate, settings)
    for table in tables:
        yield f"read {plain(table.name)}", partial(_read, names, table)


def _region(settings: SnowflakeShareSettings, name: str, session: SnowflakeSession) -> str:
    (row,) = session.run(f"SELECT CURRENT_REGION() AS {quoted('REGION')}", "ask for the region")
    own = settings.own_region
    if own and region(str(row["region"])) != region(own):
        raise TargetError(f"targets.{name}.own_region is {own}, but the account is in {row['region']}: correct it")
    return ""


def _grants(names: Names, tables: Sequence[Table], again: str, session: SnowflakeSession) -> str:
    rows = session.run_if_there(sharing.shown(names)["grants"], f"look at the share {names.share}")
    if rows is None:
        raise TargetError(f"there is no share {names.share}, or not for this role: {again}")
    # Snowflake has called secure views tables here, so what is granted on is left aside.
    given = {(str(row["privilege"]), str(row["name"]).replace('"', "").upper()) for row in rows}
    wanted = {
        ("USAGE", plain(names.database)),
        ("USAGE", plain(f"{names.database}.{names.schema}")),
        *(("SELECT", names.shown(table.name)) for table in tables),
    }
    if missing := sorted(f"{privilege} on {what}" for privilege, what in wanted - given):
        raise TargetError(f"the share {names.share} lacks {', '.join(missing)}: {again}")
    return ""


def _secure(names: Names, tables: Sequence[Table], again: str, session: SnowflakeSession) -> str:
    rows = session.run(f"SHOW VIEWS IN SCHEMA {names.views}", "look at the views")
    secure = {row["name"] for row in rows if str(row["is_secure"]).lower() == "true"}
    if missing := [names.shown(table.name) for table in tables if plain(table.name) not in secure]:
        raise TargetError(f"{', '.join(missing)}: no secure view; drop what is there, and {again}")
    return ""


def _accounts(settings: SnowflakeShareSettings, names: Names, name: str, session: SnowflakeSession) -> str:
    there = accounts_of(session, names)
    if not settings.consumers:
        raise TargetError(f"targets.{name}.consumers names no account: ask Optimove for theirs, and connect again")
    missing = [consumer.account for consumer in settings.consumers if not consumer.names & there]
    if missing:
        raise TargetError(
            f"the share {names.share} is for {', '.join(sorted(there)) or 'nobody'}, not for {', '.join(missing)}: "
            f"run optimove-pipeline connect {name} --apply, or set the account's locator if it is listed by that"
        )
    return f" {', '.join(consumer.account for consumer in settings.consumers)}"


def _on_its_way(settings: SnowflakeShareSettings, again: str, session: SnowflakeSession) -> str:
    """Look for the listing or the replication group."""
    if settings.through == "listing":
        sql, what = f"SHOW LISTINGS LIKE {literal(plain(settings.listing))}", "listing"
    else:
        sql, what = "SHOW REPLICATION GROUPS", "replication group"
    found = [row for row in session.run(sql, f"look for the {what}") if row["name"] == plain(settings.listing)]
    if not found:
        raise TargetError(f"there is no {what} {plain(settings.listing)}, or not for this role: {again}")
    return f" {plain(settings.listing)}"


def _simulate(settings: SnowflakeShareSettings, session: SnowflakeSession) -> str:
    for consumer in settings.consumers[:1]:
        session.run(sharing.simulated(consumer), f"read as {consumer.account}")
    return "".join(f" {consumer.account}" for consumer in settings.consumers[:1])


def _read(names: Names, table: Table, session: SnowflakeSession) -> str:
    (row,) = session.run(sharing.compared(names, table), f"read {names.view(table.name)}")
    newest = f", newest change {row['newest']}" if row["rows"] and table.changed else ""
    return f" ({row['rows']:,} rows{newest})"
