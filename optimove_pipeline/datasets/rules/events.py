"""Events and the parameters of their context, one by one (reference, section 2.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson
import polars as pl

from optimove_pipeline.datasets.dataset import Event, ParameterType

_LONGEST = 255
_PREFIX = "ootb_"
_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})")

Fits = Callable[[Any], bool]
Verdict = tuple[bool, bool, bool, bool, bool]
"""Whether an event breaks each of ``_RULES``."""

_RULES = ("event", "object:context", "type:context", "names:context", "parameters:context")
_FITS: Mapping[ParameterType, Fits] = {
    ParameterType.TEXT: lambda value: isinstance(value, str) and len(value) <= _LONGEST,
    ParameterType.NUMBER: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    ParameterType.FLAG: lambda value: isinstance(value, bool),
    ParameterType.ANSWER: lambda value: isinstance(value, bool) or value in ("Yes", "No"),
    ParameterType.TIME: lambda value: isinstance(value, str) and _ISO.fullmatch(value) is not None,
}


def judged(events: pl.Series, contexts: pl.Series, known: tuple[Event, ...]) -> pl.DataFrame:
    """Return a flag column for each rule of events, named ``judged <rule>``: whether the row breaks it.

    ``events`` are keys, ``contexts`` JSON; null breaks none of these rules.
    """
    parameters = {event.name: _by_spelling(event) for event in known}
    verdicts = [_verdict(key, context, parameters) for key, context in zip(events, contexts, strict=True)]
    return pl.DataFrame(verdicts, schema={f"judged {rule}": pl.Boolean for rule in _RULES}, orient="row")


def _by_spelling(event: Event) -> dict[str, Fits]:
    """Return what each parameter's values fit, with and without its prefix, both of which are in use."""
    bare = {name.removeprefix(_PREFIX): _FITS[kind] for name, kind in event.parameters}
    return bare | {f"{_PREFIX}{name}": fits for name, fits in bare.items()}


def _verdict(key: str | None, context: str | None, known: Mapping[str, Mapping[str, Fits]]) -> Verdict:
    unknown = key is not None and key not in known
    values = None if context is None else _object(context)
    if values is None:
        return (unknown, context is not None, False, False, False)
    if key is None or unknown:
        return (unknown, False, False, False, False)
    return (False, False, *_of_parameters(values, known[key]))


def _object(context: str) -> dict[str, Any] | None:
    """Return the JSON object that a context is, or None if it is none."""
    try:
        values = orjson.loads(context)
    except orjson.JSONDecodeError:
        return None
    return values if isinstance(values, dict) else None


def _of_parameters(values: Mapping[str, Any], known: Mapping[str, Fits]) -> tuple[bool, bool, bool]:
    """Return whether a value is of another type, a name is not snake_case, a parameter is not known."""
    types = names = parameters = False
    for name, value in values.items():
        fits = known.get(name)
        if fits is not None:
            types = types or not (value is None or fits(value))
        elif _SNAKE_CASE.fullmatch(name):
            parameters = True
        else:
            names = True
    return types, names, parameters
