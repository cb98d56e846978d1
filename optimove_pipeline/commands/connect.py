"""``connect``: what both sides set up before a target takes its first delivery, as steps with the tenant's names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from optimove_pipeline.config import Settings
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.target import TableTargetSettings
from optimove_pipeline.target_feeds import tables_at, used_targets
from optimove_pipeline.targets.connecting import Step, Who


def steps_of(settings: Settings, target: str) -> list[Step]:
    """Return the steps that connect a target, by its name; nothing is connected to.

    Raises:
        SettingsError: there is no such target, or no feed goes there.
    """
    _check(settings, target)
    return settings.target(target).steps(target, tables_at(settings, target))


def carried_out(settings: Settings, target: str) -> Iterator[Step]:
    """Carry the program's steps out, yielding each once it is done, and then those that are left to people.

    Raises:
        SettingsError: there is no such target, or no feed goes there.
        TargetError: a step failed; those yielded are done, and doing them again changes nothing.
    """
    _check(settings, target)
    own, tables = settings.target(target), tables_at(settings, target)
    if isinstance(own, TableTargetSettings):
        yield from own.open(target, settings.data_dir).connect(tables)
    yield from (step for step in own.steps(target, tables) if step.who is not Who.PROGRAM)


def as_text(number: int, step: Step, *, done: bool) -> str:
    """Return a step for a person."""
    mark = "done" if done and step.who is Who.PROGRAM else step.who.value
    text = "".join(f"\n    {line}" if line else "\n" for line in step.text.splitlines())
    return f"{number}. [{mark}] {step.title}{text}"


def as_row(step: Step, *, done: bool) -> dict[str, Any]:
    """Return a step for programs: ``who``, ``title``, ``text`` and ``done``."""
    return {**asdict(step), "done": done and step.who is Who.PROGRAM}


def _check(settings: Settings, target: str) -> None:
    used = used_targets(settings)
    if target not in used:
        known = ", ".join(used) or "none"
        raise SettingsError(
            f"{target}: no feed is delivered to a target of that name (those that are: {known}); set it up under "
            "`targets`, and name it in `delivery`"
        )
