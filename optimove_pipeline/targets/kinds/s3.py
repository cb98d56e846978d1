"""A bucket of Amazon S3, or of a service that speaks its protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from optimove_pipeline.settings.buckets import BucketSettings, config_of
from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Text
from optimove_pipeline.targets.connecting import Step

if TYPE_CHECKING:
    from obstore.store import S3Store

    from optimove_pipeline.targets.table import Table


class S3Settings(BucketSettings):
    """A bucket of Amazon S3, or of a service that speaks its protocol."""

    kind: Literal["s3"]
    bucket: Text
    region: Text = "us-east-1"
    access_key: SecretReference | None = Field(None, description="reference; AWS's own chain of credentials if none")
    secret_key: SecretReference | None = None

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("give access_key and secret_key, or neither")
        return self

    @property
    def bucket_name(self) -> str:
        """The bucket's name."""
        return self.bucket

    def store(self, common: dict[str, Any]) -> S3Store:
        """Return the bucket as a store of objects."""
        from obstore.store import S3Store

        config = config_of(
            {"access_key_id": self.access_key, "secret_access_key": self.secret_key}, {"endpoint": self.endpoint}
        )
        # The service computes the checksum anew and refuses an upload whose bytes have another.
        return S3Store(self.bucket, region=self.region, checksum_algorithm="SHA256", **config, **common)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return how Optimove gets to read the bucket (reference on delivery, section 3.4)."""
        return []


SETTINGS = S3Settings
