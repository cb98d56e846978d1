"""What commands say to a person: results to standard output, all else to standard error, errors in one message."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from rich.console import Console

from optimove_pipeline.commands.stopping import EXIT_CODE, STOPPED
from optimove_pipeline.errors import PipelineError, SettingsError

P = ParamSpec("P")
R = TypeVar("R")

out = Console()
told = Console(stderr=True, soft_wrap=True)


def plain_errors(command: Callable[P, R]) -> Callable[P, R]:
    """End a command with one message instead of a traceback where the error is meant for a person."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except PipelineError as error:
            told.print(f"[bold red]{type(error).__name__}[/]", highlight=False)
            told.print(str(error), markup=False, highlight=False, soft_wrap=True)
            sys.exit(2 if isinstance(error, SettingsError) else 1)
        except KeyboardInterrupt:
            told.print(STOPPED, highlight=False)
            sys.exit(EXIT_CODE)

    return wrapped
