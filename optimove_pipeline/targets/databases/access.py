"""What people do before Optimove reads from a database, whatever the engine (reference on delivery, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

from optimove_pipeline.settings.databases import DatabaseTargetSettings
from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.table import Table


def script(statements: Sequence[str]) -> str:
    """Return statements as a text to copy."""
    return "\n".join(f"{statement};" for statement in statements)


def schema_step(what: str, statements: Sequence[str]) -> Step:
    """Return the step that makes the place of the tables, ``what``, and the table of receipts in it."""
    return Step(Who.PROGRAM, f"make {what}", script(statements))


def view_step(table: Table, statements: Sequence[str]) -> Step:
    """Return the step that makes what Optimove reads of a feed."""
    return Step(Who.PROGRAM, f"make table, indexes and view of {table.name}", script(statements))


def reader_step(settings: DatabaseTargetSettings, statements: Sequence[str]) -> Step:
    """Return the step that makes the reader."""
    return Step(Who.PROGRAM, f"make the user {settings.reader}, which only reads", script(statements))


def rights_step(settings: DatabaseTargetSettings, statements: Sequence[str]) -> Step:
    """Return the step that gives the reader its rights."""
    return Step(Who.PROGRAM, f"let {settings.reader} read the views, and nothing else", script(statements))


def addresses_step(name: str, settings: DatabaseTargetSettings) -> Step:
    """Return the step that tells where the reader logs in from."""
    return Step(
        Who.OPTIMOVE,
        f"tell the addresses that Optimove reads from; they stand in targets.{name}.reader_hosts",
        "\n".join(settings.reader_hosts),
    )


def firewall_step(settings: DatabaseTargetSettings, port: int) -> Step:
    """Return the step that lets the reader through."""
    lines = [f"allow {network} to {settings.host}:{port}" for network in settings.reader_networks]
    return Step(Who.COMPANY, "let these addresses through the firewall, and no others", "\n".join(lines))


def handover_step(where: dict[str, object], settings: DatabaseTargetSettings, tables: Sequence[Table]) -> Step:
    """Return the step that hands over how to read; ``where`` are the values that lead to the database."""
    values = {
        **where,
        "user": settings.reader,
        "password": f"the value of {settings.reader_password}, through a vault",
        "time zone": "UTC for data sets, the tenant's for reports",
    }
    lines = [*(f"{name}: {value}" for name, value in values.items()), *map(_described, tables)]
    return Step(Who.COMPANY, "hand these over to Optimove", "\n".join(lines))


def check_step(name: str) -> Step:
    """Return the step that shows whether it works."""
    return Step(
        Who.COMPANY,
        f"try it as Optimove: logs in, reads each view of {name}, must not write",
        "optimove-pipeline check",
    )


def _described(table: Table) -> str:
    key = f"key {', '.join(table.key)}" if table.unique else f"no key; rows are found by {', '.join(table.key)}"
    changed = f", changes by {table.changed}" if table.changed else ""
    return f"view {table.name}: {key}{changed}"
