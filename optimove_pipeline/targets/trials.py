"""Where tests and samples of a target go: beside what is delivered, and nowhere that the receiver reads."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.targets import AnyTarget, LocalSettings, SftpSettings
from optimove_pipeline.targets.check import FOLDER


def for_trials(name: str, settings: AnyTarget) -> AnyTarget:
    """Return a target's settings with its test folder in place of its own folder.

    Raises:
        SettingsError: the two are the same.
    """
    chosen = settings.test_folder
    own: Any
    trial: Any
    match settings:
        case LocalSettings():
            field, own, trial = "folder", settings.folder, Path(chosen) if chosen else settings.folder / FOLDER
        case SftpSettings():
            field, own = "folder", settings.folder
            trial = chosen or str(PurePosixPath(own) / FOLDER)
        case _:
            field, own = "prefix", settings.prefix
            trial = (chosen or f"{own}/{FOLDER}").strip("/")
    if normpath(trial) == normpath(own):
        raise SettingsError(f"targets.{name}.test_folder: it is the target's own {field}; name another one")
    return settings.model_copy(update={field: trial})
