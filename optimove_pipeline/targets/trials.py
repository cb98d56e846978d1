"""Where tests and samples of a target go: beside what is delivered, and nowhere that the receiver reads."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from optimove_pipeline.settings.targets import AnyTarget, LocalSettings, SftpSettings
from optimove_pipeline.targets.check import FOLDER


def for_trials(settings: AnyTarget) -> AnyTarget:
    """Return a target's settings with its test folder in place of its own folder."""
    chosen = settings.test_folder
    match settings:
        case LocalSettings():
            return settings.model_copy(update={"folder": Path(chosen) if chosen else settings.folder / FOLDER})
        case SftpSettings():
            return settings.model_copy(update={"folder": chosen or str(PurePosixPath(settings.folder) / FOLDER)})
        case _:
            return settings.model_copy(update={"prefix": (chosen or f"{settings.prefix}/{FOLDER}").strip("/")})
