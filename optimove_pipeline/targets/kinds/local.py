"""A folder of this machine, or one that is mounted here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from optimove_pipeline.settings.target import FileTargetSettings
from optimove_pipeline.settings.types import Flag
from optimove_pipeline.targets.connecting import Step, Who

if TYPE_CHECKING:
    from optimove_pipeline.targets.local import LocalTarget
    from optimove_pipeline.targets.table import Table


class LocalSettings(FileTargetSettings):
    """A folder of this machine."""

    folder_setting: ClassVar[str] = "folder"

    kind: Literal["local"]
    folder: Path = Field(Path("outbox"), description="a relative one is below the data directory")
    read_back: Flag = Field(default=False, description="compare the hash of what was written, not its size alone")

    def open(self, name: str, data_dir: Path) -> LocalTarget:
        """Return the folder as a target."""
        from optimove_pipeline.targets.local import LocalTarget

        return LocalTarget(name, self, data_dir)

    def _as_folder(self, text: str) -> object:
        return Path(text)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return who must be able to read the folder."""
        return [Step(Who.COMPANY, "let those who take the files from here read the folder", str(self.folder))]


SETTINGS = LocalSettings
