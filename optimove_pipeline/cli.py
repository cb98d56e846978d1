"""The command line.

Exit codes: 0 done, 1 something failed or was held back, 2 the settings or the call are wrong, 130 interrupted.
"""

from __future__ import annotations

import json
import logging
import sys
from contextlib import nullcontext
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.logging import RichHandler
from rich.table import Table

from optimove_pipeline.cli_delivery import COMMANDS
from optimove_pipeline.cli_serve import serve_command
from optimove_pipeline.commands import report_list
from optimove_pipeline.commands.period_options import chosen_days
from optimove_pipeline.commands.runs_options import runs_options
from optimove_pipeline.commands.tenant import tenant_or_sandbox
from optimove_pipeline.commands.terminal import out, plain_errors, told
from optimove_pipeline.config import Settings, load_settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.periods import TimePeriod
from optimove_pipeline.readiness import outlook
from optimove_pipeline.reports.catalogue import BY_NAME
from optimove_pipeline.settings.chunks import parse_chunk

if TYPE_CHECKING:  # importing it imports Dagster, which costs a second
    from optimove_pipeline.commands.plan import Plan


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-v", "--verbose", is_flag=True, help="Tell more of what goes on.")
def main(*, verbose: bool) -> None:
    """Optimove's reports into your warehouse, and your data into Optimove."""
    logging.basicConfig(
        level=logging.WARNING, format="%(message)s", handlers=[RichHandler(console=told, show_path=False)]
    )
    logging.getLogger("optimove_pipeline").setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log each address, values of customers included
    # Progress tells of the stages already.
    for told_already in ("optimove_pipeline.stages", "optimove_pipeline.datasets"):
        logging.getLogger(told_already).setLevel(logging.DEBUG if verbose else logging.WARNING)


for command in (*COMMANDS, serve_command):
    main.add_command(command)


@main.command("reports")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--markdown", is_flag=True, help="Print the page docs/reports.md.")
def reports_command(*, as_json: bool, markdown: bool) -> None:
    """List the 27 reports and what each costs in calls for a day."""
    if as_json:
        click.echo(json.dumps(report_list.rows(), indent=1))
    elif markdown:
        click.echo(report_list.as_markdown(), nl=False)
    else:
        table = Table(*report_list.COLUMNS)
        for row in report_list.rows():
            table.add_row(*map(str, row.values()))
        out.print(table)


@main.command("settings-schema")
def settings_schema_command() -> None:
    """Print the JSON schema of optimove.yaml, for editors."""
    click.echo(json.dumps(Settings.model_json_schema(), indent=1))


@main.command("run")
@plain_errors
@runs_options
@click.option(
    "--deliver/--no-deliver",
    default=None,
    help="Send the data sets of these days too, as `deliver` does.  [default: in the sandbox only]",
)
def run_command(
    *,
    time_period: TimePeriod,
    names: tuple[str, ...],
    chunk: str | None,
    missing: bool,
    backfill: bool,
    as_json: bool,
    deliver: bool | None,
) -> None:
    """Pull reports for the last closed days, or for any other period, into the warehouse."""
    chosen, since, until = _chosen(names, chunk, time_period)  # a wrong call is told before Dagster is loaded
    from optimove_pipeline.commands.deliver import Wish, deliver_datasets
    from optimove_pipeline.commands.pull import pull
    from optimove_pipeline.commands.summary import print_summary
    from optimove_pipeline.optimove.budget import CallClass

    with tenant_or_sandbox(chosen) as settings:
        call_class = CallClass.BACKFILL if backfill else CallClass.DAILY
        summary = pull(settings, since, until, call_class, told, missing=missing)
        if deliver if deliver is not None else settings.sandbox and not names:
            told.print("Sending the data sets of these days.")
            summary.add(deliver_datasets(settings, Wish(since, until), told.print))
        print_summary(settings, summary, as_json=as_json)
    sys.exit(1 if summary.problems else 0)


@main.command("plan")
@plain_errors
@runs_options
@click.option("--offline", is_flag=True, help="Make no call: plan from what is held alone.")
def plan_command(
    *,
    time_period: TimePeriod,
    names: tuple[str, ...],
    chunk: str | None,
    missing: bool,
    backfill: bool,
    as_json: bool,
    offline: bool,
) -> None:
    """Tell the calls and hours that `run` with the same options would take, and what limits them."""
    chosen, since, until = _chosen(names, chunk, time_period)
    from optimove_pipeline.commands.plan import Wish, make_plan
    from optimove_pipeline.optimove.budget import CallClass

    call_class = CallClass.BACKFILL if backfill else CallClass.DAILY
    with nullcontext(chosen) if offline else tenant_or_sandbox(chosen) as settings:
        plan = make_plan(settings, Wish(since, until, call_class, missing=missing, offline=offline))
    _print_plan(plan, as_json=as_json)


@main.command("sandbox")
@click.option("--port", type=click.IntRange(0, 65535), default=8720, show_default=True, help="0: any free port.")
@click.option("--preset", default="small", show_default=True, help="tiny, small, medium or large.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another number makes another tenant.")
@click.option("--option", "options", multiple=True, metavar="NAME=VALUE", help="Any further option of the sandbox.")
@plain_errors
def sandbox_command(*, port: int, preset: str, seed: int, options: tuple[str, ...]) -> None:
    """Serve a local Optimove with a believable tenant, for trying out and for tests."""
    from optimove_pipeline.commands.sandbox import serve_sandbox

    serve_sandbox({"port": port, "preset": preset, "seed": seed}, options, lambda line: out.print(line))


@main.command("alerts")
@click.option("--test", "testing", is_flag=True, help="Send a test alert over every channel.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plain_errors
def alerts_command(*, testing: bool, as_json: bool) -> None:
    """Show the alerts of the last 30 days and whether they arrived, or test the channels."""
    from optimove_pipeline.commands import alerts

    settings = load_settings()
    problems = alerts.send_test(settings) if testing else {}
    told = problems if testing else alerts.rows(settings)
    click.echo(json.dumps(told, indent=1) if as_json else alerts.as_text(told))
    sys.exit(1 if any(problems.values()) else 0)


@main.command("dev")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Port of the UI.")
@plain_errors
def dev_command(*, port: int) -> None:
    """Start Dagster's UI and daemon, with the sandbox running if no tenant is configured."""
    from optimove_pipeline.commands.dev import require_free, serve_ui

    chosen = load_settings()
    require_free(port)
    with tenant_or_sandbox(chosen, date_moves=True) as settings:
        out.print(outlook(settings, datetime.now(UTC)), highlight=False, soft_wrap=True)
        sys.exit(serve_ui(settings.data_dir, port, lambda line: out.print(line, highlight=False)))


@main.command("listen")
@click.option("--port", type=click.IntRange(0, 65535), help="0: any free port.  [default: listener.port]")
@click.option("--registered", is_flag=True, help="Show what Optimove has registered, and end.")
@click.option("--register", "url", metavar="URL", help="Have Optimove send its events to URL, and end.")
@click.option(
    "--event",
    "events",
    type=click.Choice(["2", "3", "13"]),
    multiple=True,
    default=["3"],
    show_default=True,
    help="Event to register for: 2 campaigns processed, 3 the day completed, 13 sent on a channel; may be repeated.",
)
@click.option("--yes", is_flag=True, help="Register without asking.")
@plain_errors
def listen_command(
    *, port: int | None, registered: bool, url: str | None, events: tuple[str, ...], yes: bool
) -> None:
    """Note Optimove's events, so that a day's reports run as soon as they can."""
    from optimove_pipeline.commands.listen import listen, register, tell_registered

    settings = load_settings()
    if url:
        done = register(settings, url, [*map(int, events)], lambda asked: yes or click.confirm(asked), click.echo)
        sys.exit(0 if done else 1)
    if registered:
        tell_registered(settings, click.echo)
    else:
        listen(settings, port, lambda line: out.print(line, soft_wrap=True))


def _only(settings: Settings, names: tuple[str, ...]) -> Settings:
    for name in names:
        if name not in BY_NAME:
            raise SettingsError(f"--report {name}: no such report; `optimove-pipeline reports` lists the 27")
    return _with_reports(settings, select=names) if names else settings


def _with_reports(settings: Settings, **changes: Any) -> Settings:
    return settings.model_copy(update={"reports": settings.reports.model_copy(update=changes)})


def _chosen(names: tuple[str, ...], chunk: str | None, time_period: TimePeriod) -> tuple[Settings, date, date]:
    settings = _only(load_settings(), names)
    first, last = chosen_days(settings, time_period)
    return (_with_reports(settings, chunk=parse_chunk(chunk)) if chunk else settings), first, last


def _print_plan(plan: Plan, *, as_json: bool) -> None:
    from optimove_pipeline.commands import plan_text

    if as_json:
        click.echo(json.dumps(plan_text.as_json(plan), indent=1))
        return
    Console(width=max(out.width, 150)).print(plan_text.as_table(plan))
    for sentence in plan_text.sentences(plan):
        out.print(sentence, markup=False, highlight=False, soft_wrap=True)
