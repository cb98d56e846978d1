"""What the settings of every target have, whatever its kind; each kind is a module of ``targets.kinds``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from pydantic import AfterValidator, Field

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.types import Count, Section, Text

if TYPE_CHECKING:
    from optimove_pipeline.targets.connecting import Step
    from optimove_pipeline.targets.table import Table, TableTarget
    from optimove_pipeline.targets.target import Target

TEST_FOLDER = "optimove-pipeline-test"
"""Where test files go, below the target's folder, unless another folder is set."""


def _relative(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError("expected a folder below the target's own, such as manifests")
    return text.strip("/")


SideFolder = Annotated[Text, AfterValidator(_relative)]
Connections = Annotated[Count, Field(le=16)]


class TargetSettings(Section, ABC):
    """What all targets have."""

    kind: str
    attempts: Count = Field(5, description="tries of one part or partition before the delivery fails")

    @abstractmethod
    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return what is to be set up on both sides for these tables, in order; nothing is connected to."""


class FileTargetSettings(TargetSettings, ABC):
    """What targets have that take files."""

    folder_setting: ClassVar[str]
    """The setting that holds the target's own folder."""

    manifest_folder: SideFolder | None = Field(
        None, description="side folder that gets each package's manifest after its parts; none by default"
    )
    test_folder: Text | None = Field(
        None, description="where tests and samples go; optimove-pipeline-test below the target's own by default"
    )

    @abstractmethod
    def open(self, name: str, data_dir: Path) -> Target:
        """Return the target of that name; nothing is connected to before a session is opened."""

    def for_trials(self, name: str) -> Self:
        """Return the settings with the test folder in place of the target's own folder.

        Raises:
            SettingsError: the two are the same.
        """
        own = str(getattr(self, self.folder_setting))
        trial = self._as_folder(self.test_folder or f"{own}/{TEST_FOLDER}")
        if normpath(str(trial)) == normpath(own):
            raise SettingsError(
                f"targets.{name}.test_folder: it is the target's own {self.folder_setting}; name another one"
            )
        return self.model_copy(update={self.folder_setting: trial})

    def _as_folder(self, text: str) -> object:
        """Return a folder as the setting holds it."""
        return str(PurePosixPath(text))


class TableTargetSettings(TargetSettings, ABC):
    """What targets have that take tables: databases, shares, table formats and the API."""

    @abstractmethod
    def open(self, name: str, data_dir: Path) -> TableTarget:
        """Return the target of that name; nothing is connected to before it is used."""
