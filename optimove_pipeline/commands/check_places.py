"""Checks of what lies outside: the targets that feeds are delivered to, and the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from optimove_pipeline.commands.findings import Finding, failed, passed, warned
from optimove_pipeline.config import Settings
from optimove_pipeline.errors import ForbiddenError, PipelineError
from optimove_pipeline.session import ask_briefly
from optimove_pipeline.settings.targets import AnyTarget, LocalSettings
from optimove_pipeline.targets.check import FOLDER, check
from optimove_pipeline.targets.opening import open_target
from optimove_pipeline.targets.trials import for_trials

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


def used_targets(settings: Settings) -> list[str]:
    """Return the names of the targets that a selected report or data set is delivered to."""
    feeds = [(report.name, True) for report in settings.reports.selected()]
    feeds += [(dataset.name, False) for dataset in settings.chosen_datasets]
    return sorted({name for feed, is_report in feeds for name in settings.delivery.of(feed, is_report=is_report)})


def _target(settings: Settings, name: str) -> Finding:
    own = settings.target(name)
    chosen = own if own.test_folder is None else for_trials(name, own)
    target, folders = open_target(name, chosen, settings.data_dir), _folders_to_be_made(chosen, settings.data_dir)
    steps = check(target)
    for folder in folders:
        # One that something lies in by now is not ours alone.
        with suppress(OSError):
            folder.rmdir()
    for step in steps:
        if not step.passed:
            return failed(f"target {name}", f"{step.step}: {step.fix}")
    return passed(f"target {name}", f"{', '.join(step.step for step in steps)} at {target.place}")


def _folders_to_be_made(chosen: AnyTarget, data_dir: Path) -> list[Path]:
    """Return the folders of a local target that its check will make, the innermost first."""
    if not isinstance(chosen, LocalSettings):
        return []
    folder = data_dir / chosen.folder / FOLDER
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
