"""A bucket of Google Cloud Storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from optimove_pipeline.settings.buckets import BucketSettings, config_of
from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Text
from optimove_pipeline.targets.connecting import Step, Who

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
        bucket = f"gs://{self.bucket}"
        roles = ("roles/storage.objectViewer", "roles/storage.legacyBucketReader")
        grants = [
            f"gcloud storage buckets add-iam-policy-binding {bucket} --member=serviceAccount:ACCOUNT --role={role}"
            for role in roles
        ]
        return [
            Step(Who.COMPANY, "hand over the bucket's name", f"{self.bucket}\nprefix: {self.prefix or '(none)'}"),
            Step(Who.OPTIMOVE, "tell the service account that reads the bucket"),
            Step(Who.COMPANY, "let that account read the bucket, and nothing else", "\n".join(grants)),
            Step(
                Who.OPTIMOVE,
                "list the prefix and read one file with the account, then try to write one: that must be refused",
            ),
            Step(Who.COMPANY, "have the bucket keep files for at least 30 days, so that they can be fetched again"),
        ]


SETTINGS = GcsSettings
