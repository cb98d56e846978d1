"""What is set up for the storage that tables lie in, by cloud, so that Optimove's Snowflake reads it."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.kinds.iceberg import IcebergSettings

_READ = ["s3:GetObject", "s3:GetObjectVersion"]
_LIST = ["s3:ListBucket", "s3:GetBucketLocation"]
_LOCATION = "<location of the catalog's warehouse>"


def before(settings: IcebergSettings) -> list[Step]:
    """Return what the company sets up first."""
    if _scheme(settings) == "s3":
        title = "create the bucket, with versioning and default encryption, and no dot in its name"
        return [Step(Who.COMPANY, title, f"bucket: {urlsplit(settings.warehouse).netloc}\nregion: {settings.region}")]
    if _scheme(settings) == "gs":
        return [Step(Who.COMPANY, "create the bucket", f"bucket: {urlsplit(settings.warehouse).netloc}")]
    if _scheme(settings) == "abfss":
        text = f"storage account: {settings.storage_account or '<account>'}\ncontainer: {_container(settings)}"
        return [Step(Who.COMPANY, "create the container (ADLS Gen2), with versioning", text)]
    return []


def reading(settings: IcebergSettings, volume: str) -> list[Step]:
    """Return how Optimove's Snowflake gets to read the storage: external volume, trust, verification."""
    scheme = _scheme(settings)
    if settings.catalog == "sql" and scheme in ("", "file"):
        return []
    return [
        *(_role(settings) if scheme == "s3" else []),
        Step(Who.OPTIMOVE, "create the external volume (Snowflake)", _volume(settings, volume)),
        Step(Who.OPTIMOVE, "tell who reads", f"DESC EXTERNAL VOLUME {volume};"),
        _trust(settings),
        Step(Who.OPTIMOVE, "verify the external volume", f"SELECT SYSTEM$VERIFY_EXTERNAL_VOLUME('{volume}');"),
    ]


def _scheme(settings: IcebergSettings) -> str:
    return urlsplit(settings.warehouse).scheme if "://" in settings.warehouse else ""


def _role(settings: IcebergSettings) -> list[Step]:
    parts = urlsplit(settings.warehouse)
    bucket, folder = f"arn:aws:s3:::{parts.netloc}", f"{parts.path.strip('/')}/".lstrip("/")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": _READ, "Resource": f"{bucket}/{folder}*"},
            {
                "Effect": "Allow",
                "Action": _LIST,
                "Resource": bucket,
                "Condition": {"StringLike": {"s3:prefix": [f"{folder}*"]}},
            },
        ],
    }
    return [Step(Who.COMPANY, "create a role for Optimove with this policy, hand over its ARN", _json(policy))]


def _volume(settings: IcebergSettings, volume: str) -> str:
    location = {"s3": _s3, "gs": _gcs, "abfss": _azure}.get(_scheme(settings), _unknown)(settings)
    return (
        f"CREATE EXTERNAL VOLUME {volume}\n"
        f"  STORAGE_LOCATIONS = ((NAME = 'tables' {location}))\n  ALLOW_WRITES = FALSE;"
    )


def _s3(settings: IcebergSettings) -> str:
    base = settings.warehouse.rstrip("/")
    return f"STORAGE_PROVIDER = 'S3' STORAGE_BASE_URL = '{base}/' STORAGE_AWS_ROLE_ARN = '<role ARN>'"


def _gcs(settings: IcebergSettings) -> str:
    base = settings.warehouse.removeprefix("gs://").rstrip("/")
    return f"STORAGE_PROVIDER = 'GCS' STORAGE_BASE_URL = 'gcs://{base}/'"


def _azure(settings: IcebergSettings) -> str:
    path = urlsplit(settings.warehouse).path.strip("/")
    base = f"azure://{settings.storage_account or '<account>'}.blob.core.windows.net/{_container(settings)}/{path}"
    return f"STORAGE_PROVIDER = 'AZURE' STORAGE_BASE_URL = '{base.rstrip('/')}/' AZURE_TENANT_ID = '<tenant id>'"


def _unknown(settings: IcebergSettings) -> str:
    return f"STORAGE_PROVIDER = '<S3, GCS or AZURE>' STORAGE_BASE_URL = '{_LOCATION}'"


def _trust(settings: IcebergSettings) -> Step:
    scheme = _scheme(settings)
    if scheme == "gs":
        bucket = urlsplit(settings.warehouse).netloc
        text = (
            f"gcloud storage buckets add-iam-policy-binding gs://{bucket} \\\n"
            "  --member=serviceAccount:<STORAGE_GCP_SERVICE_ACCOUNT> --role=roles/storage.objectViewer"
        )
        return Step(Who.COMPANY, "let that service account read the bucket", text)
    if scheme == "abfss":
        reader = "role: Storage Blob Data Reader\nfor: <AZURE_MULTI_TENANT_APP_NAME>"
        text = f"{reader}\non: container {_container(settings)}"
        return Step(Who.COMPANY, "consent to Snowflake's application, and let it read the container", text)
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "<STORAGE_AWS_IAM_USER_ARN>"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "<STORAGE_AWS_EXTERNAL_ID>"}},
            }
        ],
    }
    return Step(Who.COMPANY, "put both values into the role's trust policy (on AWS)", _json(trust))


def _container(settings: IcebergSettings) -> str:
    return urlsplit(settings.warehouse).username or "<container>"


def _json(document: object) -> str:
    return json.dumps(document, indent=2)
