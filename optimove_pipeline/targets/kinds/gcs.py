"""A bucket of Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from optimove_pipeline.settings.buckets import BucketSettings, config_of
from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Text
from optimove_pipeline.targets.connecting import Step

if TYPE_CHECKING:
    from obstore.store import GCSStore

    from optimove_pipeline.targets.table import Table


class GcsSettings(BucketSettings):
    """A bucket of Google Cloud Storage."""

    kind: Literal["gcs"]
    bucket: Text
    service_account: SecretReference | None = Field(
        None, description="reference to the JSON of a service account; Google's own chain of credentials if none"
    )

    @property
    def bucket_name(self) -> str:
        """The bucket's name."""
        return self.bucket

    def store(self, common: dict[str, Any]) -> GCSStore:
        """Return the bucket as a store of objects."""
        from obstore.store import GCSStore

        config = config_of({"service_account_key": self.service_account}, {"base_url": self.endpoint})
        return GCSStore(self.bucket, **config, **common)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return how Optimove gets to read the bucket (reference on delivery, section 3.4)."""
        return []


SETTINGS = GcsSettings
