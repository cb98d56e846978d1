"""What the settings of buckets have in common, whatever the cloud."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from optimove_pipeline.settings.secrets import reveal
from optimove_pipeline.settings.target import Connections, FileTargetSettings
from optimove_pipeline.settings.types import Flag, Seconds, Text

if TYPE_CHECKING:
    from obstore.store import ObjectStore

    from optimove_pipeline.targets.bucket import BucketTarget


class BucketSettings(FileTargetSettings, ABC):
    """What buckets of all three clouds have."""

    folder_setting: ClassVar[str] = "prefix"

    prefix: Annotated[str, AfterValidator(lambda text: text.strip("/"))] = Field(
        "", description="folder within the bucket"
    )
    endpoint: Text | None = Field(None, description="address of a service other than the cloud's own")
    read_back: Flag = Field(default=True, description="read each part back and compare its hash")
    connections: Connections = Field(4, description="parts sent at once")
    timeout_seconds: Seconds = Field(120, description="wait for one answer")

    @property
    @abstractmethod
    def bucket_name(self) -> str:
        """The bucket, as people name it."""

    @abstractmethod
    def store(self, common: dict[str, Any]) -> ObjectStore:
        """Return the bucket as a store of objects; ``common`` are its options.

        Raises:
            SettingsError: a secret is missing.
        """

    def open(self, name: str, data_dir: Path) -> BucketTarget:
        """Return the bucket as a target."""
        from optimove_pipeline.targets.bucket import BucketTarget

        return BucketTarget(name, self)

    def _as_folder(self, text: str) -> object:
        return text.strip("/")


def config_of(secrets: dict[str, str | None], plain: dict[str, str | None]) -> dict[str, Any]:
    """Return the options that are given, secrets read.

    Raises:
        SettingsError: a secret is missing.
    """
    revealed = {name: reveal(reference) for name, reference in secrets.items() if reference is not None}
    return revealed | {name: value for name, value in plain.items() if value is not None}
