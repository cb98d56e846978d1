"""The commands of delivery, from the company's own data to Optimove."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimove_pipeline.commands.period_options import chosen_days, period_options
from optimove_pipeline.commands.tenant import tenant_or_sandbox
from optimove_pipeline.commands.terminal import plain_errors, told
from optimove_pipeline.config import load_settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.periods import TimePeriod

if TYPE_CHECKING:
    from optimove_pipeline.commands.quarantine import Wish


@click.command("deliver")
@period_options
@click.option("--dataset", "names", multiple=True, help="Only this data set; may be repeated.")
@click.option(
    "--history", is_flag=True, help="The initial full load instead: months before the first day, those that are left."
)
@click.option("--dry-run", "dry", is_flag=True, help="Everything but the send: read, validate, package, check.")
@click.option("--redeliver", metavar="REASON", default="", help="Send delivered days once more, under new names.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plain_errors
def deliver_command(
    *, time_period: TimePeriod, names: tuple[str, ...], history: bool, dry: bool, redeliver: str, as_json: bool
) -> None:
    """Send data sets of the last closed days, or of any other period, to their targets."""
    from optimove_pipeline.commands.deliver import Wish, deliver_datasets
    from optimove_pipeline.commands.summary import print_summary

    with tenant_or_sandbox(load_settings()) as settings:
        first, last = chosen_days(settings, time_period)
        wish = Wish(first, last, names, history=history, dry=dry, redeliver=redeliver)
        summary = deliver_datasets(settings, wish, told.print)
        print_summary(settings, summary, as_json=as_json)
    sys.exit(1 if summary.problems else 0)


@click.command("forget")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--file", type=click.Path(path_type=Path), help="File of further ids, one a line.")
@click.option("--reason", default="", help="Why, such as the number of the request.")
@click.option("--remove-from-optimove", "at_optimove", is_flag=True, help="Have Optimove remove their personal data.")
@click.option("--list", "listing", is_flag=True, help="Show who is on the list, and end.")
@click.option("--release", "releasing", is_flag=True, help="Take customers off the list instead.")
@plain_errors
def forget_command(
    *, ids: tuple[str, ...], file: Path | None, reason: str, at_optimove: bool, listing: bool, releasing: bool
) -> None:
    """Forget customers: their rows are sent to Optimove no more."""
    from optimove_pipeline.commands.forget import chosen_ids, forget, release_customers, tell_list

    chosen = load_settings()
    if listing:
        tell_list(chosen, click.echo)
    elif releasing:
        release_customers(chosen, chosen_ids(ids, file), click.echo)
    else:
        named = chosen_ids(ids, file)
        with tenant_or_sandbox(chosen) if at_optimove else nullcontext(chosen) as settings:
            sys.exit(0 if forget(settings, named, reason, click.echo, at_optimove=at_optimove) else 1)


@click.command("approve")
@click.argument("feed")
@click.argument("day")
@click.option("--by", required=True, metavar="NAME", help="Who approves it.")
@click.option("--reason", required=True, help="Why so few rows, or so many, are right.")
@plain_errors
def approve_command(*, feed: str, day: str, by: str, reason: str) -> None:
    """Approve that the DAY of a FEED is sent though the volume check holds it back."""
    from optimove_pipeline.commands.approve import approve_day

    given = approve_day(load_settings(), feed, day, by, reason)
    click.echo(f"{given.approved_by} approves {feed} of {day} with {given.rows:,} rows, no more and no fewer.")


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plain_errors
def check_command(*, as_json: bool) -> None:
    """Check settings, credentials, sources, targets, API, times and disk, and tell what is to be done."""
    from optimove_pipeline.commands.check import as_line, as_row, check_everything
    from optimove_pipeline.commands.findings import Finding

    found = list[Finding]()
    well = check_everything(found.append if as_json else lambda each: click.echo(as_line(each)))
    if as_json:
        click.echo(json.dumps([*map(as_row, found)], indent=1))
    sys.exit(0 if well else 1)


@click.command("connect")
@click.argument("target")
@click.option("--apply", "applying", is_flag=True, help="Carry out the steps that a program can, then show the rest.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plain_errors
def connect_command(*, target: str, applying: bool, as_json: bool) -> None:
    """Show, step by step, what both sides set up before TARGET takes its first delivery."""
    from optimove_pipeline.commands.connect import as_row, as_text, carried_out, steps_of

    with tenant_or_sandbox(load_settings()) as settings:
        rows = list[dict[str, Any]]()
        for number, step in enumerate(carried_out(settings, target) if applying else steps_of(settings, target), 1):
            if as_json:
                rows.append(as_row(step, done=applying))
            else:
                click.echo(as_text(number, step, done=applying))
    if as_json:
        click.echo(json.dumps(rows, indent=1))


@click.command("sample")
@click.option("--dataset", "names", multiple=True, help="Only this data set; may be repeated.")
@click.option("--rows", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Of each data set.")
@click.option("--mask", is_flag=True, help="Replace personal values by others of the same format.")
@click.option("--target", help="To this target's test folder.  [default: those of each data set]")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Rows of this day.  [default: the last closed one]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plain_errors
def sample_command(
    *, names: tuple[str, ...], rows: int, mask: bool, target: str | None, day: datetime | None, as_json: bool
) -> None:
    """Send a few rows of each data set to the test folder of its targets, for Optimove to look at."""
    from optimove_pipeline.commands.sample import Wish, send_samples
    from optimove_pipeline.commands.sample_text import as_json_text, as_lines

    with tenant_or_sandbox(load_settings()) as settings:
        wish = Wish(names, rows, mask=mask, target=target, day=day.date() if day else None)
        samples = send_samples(settings, wish, told.print)
    click.echo(as_json_text(samples) if as_json else as_lines(samples))
    sys.exit(1 if samples.problems else 0)


@click.command("status")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="This business day.  [default: the last closed one]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@plain_errors
def status_command(*, day: datetime | None, as_json: bool) -> None:
    """Show how far the feeds of a day have come, what holds them back, and the time that is left."""
    from optimove_pipeline.commands.status import as_document, status_of
    from optimove_pipeline.commands.status_text import print_status

    status = status_of(load_settings(), datetime.now(UTC), day.date() if day else None)
    if as_json:
        click.echo(json.dumps(as_document(status), indent=1))
    else:
        print_status(status)


@click.command("quarantine")
@click.argument("feed", metavar="[FEED]", required=False)
@click.option("--day", "key", metavar="DAY", help="This day, or hour (2026-11-20T14).  [default: the newest]")
@click.option("--rule", help="Only rows that broke this rule, or one of its family.")
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Rows shown of each feed's day.")
@click.option("--show-values", is_flag=True, help="Show personal values too.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--resend", "resending", is_flag=True, help="Read the day again from its source, and send what changed."
)
@plain_errors
def quarantine_command(*, resending: bool, as_json: bool, **wished: Any) -> None:
    """Show the rows of a FEED, or of all, that broke a rule; or send a day again once they are corrected."""
    from optimove_pipeline.commands.quarantine import Wish, as_lines, broken_of

    wish = Wish(**wished)
    if resending:
        _resend(wish)
        return
    found = broken_of(load_settings(), wish)
    click.echo(json.dumps([*map(asdict, found)], indent=1) if as_json else "\n".join(as_lines(found, wish)))


def _resend(wish: Wish) -> None:
    from optimove_pipeline.commands.quarantine import feeds_of, quarantined_partitions
    from optimove_pipeline.commands.resend import resend

    if wish.feed is None:
        raise SettingsError("--resend: name the feed that is to be sent again")
    with tenant_or_sandbox(load_settings()) as settings:
        (feed,) = feeds_of(settings, wish.feed)
        partitions = quarantined_partitions(settings, feed, wish.key)
        if not partitions:
            raise SettingsError(f"{wish.feed} of {wish.key or 'any day'} was never validated: deliver it first")
        summary = resend(settings, feed, partitions, click.echo)
    for problem in summary.problems:
        told.print(problem, style="red", markup=False, highlight=False)
    sys.exit(1 if summary.problems else 0)


COMMANDS = (
    deliver_command,
    forget_command,
    approve_command,
    check_command,
    connect_command,
    sample_command,
    status_command,
    quarantine_command,
)
