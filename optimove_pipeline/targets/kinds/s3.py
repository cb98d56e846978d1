"""A bucket of Amazon S3, or of a service that speaks its protocol."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from optimove_pipeline.settings.buckets import BucketSettings, config_of
from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Text
from optimove_pipeline.targets.connecting import Step, Who

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
        return [
            Step(Who.OPTIMOVE, "tell the AWS account that reads the bucket, and an external id for the role"),
            Step(Who.COMPANY, "create a role that this account may take on with the external id, and no other way"),
            Step(Who.COMPANY, "let the role read the bucket, and nothing else", json.dumps(self._policy(), indent=2)),
            Step(
                Who.COMPANY,
                "hand over",
                f"bucket: {self.bucket}\nprefix: {self.prefix or '(none)'}\nregion: {self.region}\nrole: its ARN",
            ),
            Step(
                Who.OPTIMOVE,
                "list the prefix and read one file with the role, then try to write one: that must be refused",
            ),
            Step(Who.COMPANY, "have the bucket keep files for at least 30 days, so that they can be fetched again"),
        ]

    def _policy(self) -> dict[str, Any]:
        bucket = f"arn:aws:s3:::{self.bucket}"
        below = f"{self.prefix}/*" if self.prefix else "*"
        return {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["s3:GetObject", "s3:GetObjectVersion"],
                    "Resource": f"{bucket}/{below}",
                },
                {
                    "Effect": "Allow",
                    "Action": "s3:ListBucket",
                    "Resource": bucket,
                    "Condition": {"StringLike": {"s3:prefix": below}},
                },
                {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": bucket},
            ],
        }


SETTINGS = S3Settings
