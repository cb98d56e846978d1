"""Events and the parameters of their context, one by one (reference, section 2.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from typing import Any

import orjson
import polars as pl

from optimove_pipeline.datasets.dataset import Event, ParameterType

_LONGEST = 255
_PREFIX = "ootb_"
_SNAKE_CASE = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:?\d{2})")

_FITS: Mapping[ParameterType, Callable[[Any], bool]] = {
    ParameterType.TEXT: lambda value: isinstance(value, str) and len(value) <= _LONGEST,
    ParameterType.NUMBER: lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    ParameterType.FLAG: lambda value: isinstance(value, bool),
    ParameterType.ANSWER: lambda value: isinstance(value, bool) or value in {"Yes", "No"},
    ParameterType.TIME: lambda value: isinstance(value, str) and _ISO.fullmatch(value) is not None,
}


@dataclass(frozen=True, slots=True)
class _Verdict:
    """Which rules an event breaks, in the order of ``_RULES``."""

    event: bool = False
    is_object: bool = False
    types: bool = False
    names: bool = False
    parameters: bool = False


_RULES = ("event", "object:context", "type:context", "names:context", "parameters:context")


def judged(events: pl.Series, contexts: pl.Series, known: tuple[Event, ...]) -> pl.DataFrame:
    """Return a flag column for each rule of events, named ``judged <rule>``: whether the row breaks it.

    ``events`` are keys, ``contexts`` JSON; null breaks none of these rules.
    """
    parameters = {event.name: _by_spelling(event) for event in known}
    verdicts = [astuple(_verdict(key, context, parameters)) for key, context in zip(events, contexts, strict=True)]
    schema = {f"judged {rule}": pl.Boolean for rule in _RULES}
    return pl.DataFrame(verdicts, schema=schema, orient="row")


def _by_spelling(event: Event) -> dict[str, ParameterType]:
    """Return the parameters with and without their prefix, both of which are in use."""
    bare = {name.removeprefix(_PREFIX): kind for name, kind in event.parameters}
    return bare | {f"{_PREFIX}{name}": kind for name, kind in bare.items()} | dict(event.parameters)


def _verdict(key: str | None, context: str | None, known: Mapping[str, Mapping[str, ParameterType]]) -> _Verdict:
    unknown = key is not None and key not in known
    if context is None:
        return _Verdict(event=unknown)
    try:
        values = orjson.loads(context)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, dict):
        return _Verdict(event=unknown, is_object=True)
    if key is None or unknown:
        return _Verdict(event=unknown)
    types = known[key]
    further = [name for name in values if name not in types]
    return _Verdict(
        types=any(
            value is not None and name in types and not _FITS[types[name]](value) for name, value in values.items()
        ),
        names=any(not _SNAKE_CASE.fullmatch(name) for name in further),
        parameters=any(_SNAKE_CASE.fullmatch(name) for name in further),
    )
