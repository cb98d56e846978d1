"""The command that serves deliveries over HTTP."""

from __future__ import annotations

import click

from optimove_pipeline.commands.tenant import tenant_or_sandbox
from optimove_pipeline.commands.terminal import out, plain_errors
from optimove_pipeline.config import load_settings


@click.command("serve")
@click.argument("target", required=False)
@click.option("--port", type=click.IntRange(0, 65535), help="0: any free port.  [default: that of listen_on]")
@plain_errors
def serve_command(*, target: str | None, port: int | None) -> None:
    """Serve the deliveries to TARGET, of kind api, over HTTP for Optimove to pull."""
    from optimove_pipeline.commands.serve import serve_target

    with tenant_or_sandbox(load_settings()) as settings:
        serve_target(settings, target, port, lambda line: out.print(line, soft_wrap=True, highlight=False))
