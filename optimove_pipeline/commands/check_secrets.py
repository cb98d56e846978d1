"""Checks of credentials that need no connection: is each secret in the environment, and until when does it hold?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from optimove_pipeline.commands.findings import Finding, failed, passed, unless, warned
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.secrets import expand
from optimove_pipeline.settings.types import Section
from optimove_pipeline.targets.expiry import expiries, problem_of

_REFERENCE = re.compile(r"\$\{\w+\}")
_EXPANDED = ("url", "username")
"""Settings that may hold references among other text."""
_NEEDED = ("api", "api.url", "api.key")


def check_secrets(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each reference to a variable that the environment lacks."""
    named, problems = 0, list[Finding]()
    for where, reference in _references(settings, ""):
        if where == "api.key" and settings.api.login is not None:
            continue
        named += 1
        try:
            expand(reference)
        except SettingsError as error:
            problems.append(failed("secrets", f"{where}: {error}: set it where this project is started"))
    text = f"all {named} that the settings name are in the environment" if named else "the settings name none"
    yield from unless(problems, "secrets", text)


def check_expiries(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield a finding for each credential that has expired, soon will, or whose end can't be read."""
    found = expiries(settings)
    problems = list[Finding]()
    for expiry in found:
        if problem := problem_of(expiry, now):
            left = expiry.days_left(now)
            problems.append((warned if left is not None and left > 0 else failed)("expiry", problem))
    told = f"{len(found)} credentials tell when they end, none within 30 days" if found else "no credential tells"
    yield from problems or [passed("expiry", told)]


def _references(value: object, where: str) -> Iterator[tuple[str, str]]:
    """Yield the text of every setting that holds references, with the setting's place.

    Of those that nobody has set only the API's are needed.
    """
    if isinstance(value, Section):
        for name in type(value).model_fields:
            place = f"{where}.{name}".lstrip(".")
            if name in value.model_fields_set or place in _NEEDED:
                yield from _references(getattr(value, name), place)
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _references(each, f"{where}.{name}")
    elif isinstance(value, str) and _holds_references(where.rpartition(".")[2], value):
        yield where, value


def _holds_references(name: str, text: str) -> bool:
    return bool((_REFERENCE.search if name in _EXPANDED else _REFERENCE.fullmatch)(text))
