"""From a target's settings to the target."""

from __future__ import annotations

from pathlib import Path

from optimove_pipeline.settings.targets import AnyTarget, LocalSettings, SftpSettings
from optimove_pipeline.targets.target import Target


def open_target(name: str, settings: AnyTarget, data_dir: Path) -> Target:
    """Return the target of that name; nothing is connected to before a session is opened.

    The modules of the kinds are imported when one is used: each brings a library of its own.
    """
    match settings:
        case LocalSettings():
            from optimove_pipeline.targets.local import LocalTarget

            return LocalTarget(name, settings, data_dir)
        case SftpSettings():
            from optimove_pipeline.targets.sftp import SftpTarget

            return SftpTarget(name, settings)
        case _:
            from optimove_pipeline.targets.bucket import BucketTarget

            return BucketTarget(name, settings)
