"""Checks of what lies outside: the targets that feeds are delivered to, and the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from optimove_pipeline.commands.findings import Finding, failed, passed, warned
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import ForbiddenError, PipelineError
from optimove_pipeline.session import ask_briefly
from optimove_pipeline.settings.target import TEST_FOLDER, FileTargetSettings
from optimove_pipeline.target_feeds import tables_at, used_targets
from optimove_pipeline.targets.check import Checked, check
from optimove_pipeline.targets.kinds.local import LocalSettings
from optimove_pipeline.targets.target import Target

PURPOSE = "check"
"""Stands for a run in the record of calls."""

API_SECONDS = 60.0


def check_targets(settings: Settings) -> Iterator[Finding]:
    """Yield a finding for each target that a feed is delivered to: a file goes there and back, and is removed."""
    for name in used_targets(settings):
        try:
            yield _target(settings, name)
        except PipelineError as error:
            yield failed(f"target {name}", error)


def _target(settings: Settings, name: str) -> Finding:
    own = settings.target(name)
    if isinstance(own, FileTargetSettings):
        chosen = own if own.test_folder is None else own.for_trials(name)
        target = chosen.open(name, settings.data_dir)
        return _finding(name, target.place, _round_trip(chosen, target, settings.data_dir))
    tables = own.open(name, settings.data_dir)
    return _finding(name, tables.place, tables.check(tables_at(settings, name)))


def _round_trip(chosen: FileTargetSettings, target: Target, data_dir: Path) -> list[Checked]:
    folders = _folders_to_be_made(chosen, data_dir)
    steps = check(target)
    for folder in folders:
        # One that something lies in by now is not ours alone.
        with suppress(OSError):
            folder.rmdir()
    return steps


def _finding(name: str, place: str, steps: Sequence[Checked]) -> Finding:
    for step in steps:
        if not step.passed:
            return failed(f"target {name}", f"{step.step}: {step.fix}")
    return passed(f"target {name}", f"{', '.join(step.step for step in steps)} at {place}")


def _folders_to_be_made(chosen: FileTargetSettings, data_dir: Path) -> list[Path]:
    """Return the folders of a local target that its check will make, the innermost first."""
    if not isinstance(chosen, LocalSettings):
        return []
    folder = data_dir / chosen.folder / TEST_FOLDER
    return [each for each in (folder, *folder.parents) if not each.exists()]


def check_api(settings: Settings) -> Iterator[Finding]:
    """Yield whether the API answers, and to this key."""
    try:
        reach = ask_briefly(settings, PURPOSE, lambda client: client.last_data_update(), patience_seconds=API_SECONDS)
    except ForbiddenError as error:
        yield warned("API", f"it answers, but this key may not ask how far its data reach: {error}")
    except PipelineError as error:
        yield failed("API", error)
    else:
        yield passed("API", f"it answers to this key, with data up to {reach}")
