"""Settings of targets: where packages are delivered, by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from optimove_pipeline.settings.problems import BRANCH
from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Count, Flag, Seconds, Section, Text

Kind = Literal["local", "sftp", "s3", "gcs", "azure"]

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_KNOWN_HOST = re.compile(r"(?:\S+ )?(?:ssh-|ecdsa-|sk-)\S+ [A-Za-z0-9+/]+=*(?: .*)?")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _host_key(text: str) -> str:
    if not _FINGERPRINT.fullmatch(text) and not _KNOWN_HOST.fullmatch(text):
        raise ValueError("expected a fingerprint such as SHA256:… (43 characters), or a line of known_hosts")
    return text


def _relative(text: str) -> str:
    if text.startswith("/") or ".." in text.split("/"):
        raise ValueError("expected a folder below the target's own, such as manifests")
    return text.strip("/")


def _target_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("expected a name of small letters, digits and _, 40 at most, that begins with a letter")
    return text


HostKey = Annotated[str, AfterValidator(_host_key)]
SideFolder = Annotated[Text, AfterValidator(_relative)]
TargetName = Annotated[str, AfterValidator(_target_name)]
Connections = Annotated[Count, Field(le=16)]


class TargetSettings(Section):
    """What all targets have."""

    kind: Kind
    attempts: Count = Field(5, description="tries of one part before the delivery fails")
    manifest_folder: SideFolder | None = Field(
        None, description="side folder that gets each package's manifest after its parts; none by default"
    )
    test_folder: Text | None = Field(
        None, description="where tests and samples go; optimove-pipeline-test below the target's own by default"
    )


class LocalSettings(TargetSettings):
    """A folder of this machine."""

    kind: Literal["local"]
    folder: Path = Field(Path("outbox"), description="a relative one is below the data directory")
    read_back: Flag = Field(default=False, description="compare the hash of what was written, not its size alone")


class SftpSettings(TargetSettings):
    """An SFTP server."""

    kind: Literal["sftp"]
    host: Text
    port: Annotated[Count, Field(le=65535)] = 22
    username: Text = Field(description="the user's name, or a reference to it")
    password: SecretReference | None = None
    key: SecretReference | None = Field(None, description="reference to the text of a private key")
    key_file: Path | None = Field(None, description="file that holds a private key")
    passphrase: SecretReference | None = Field(None, description="reference to the private key's passphrase")
    host_keys: tuple[HostKey, ...] = Field((), description="fingerprints (SHA256:…) or known_hosts lines accepted")
    folder: Text = Field(".", description="where parts go")
    temporary_folder: Text | None = Field(None, description="where parts are written first; the same by default")
    rename: Flag = Field(default=True, description="write under a temporary name, then rename")
    moved_at_once: Flag = Field(default=False, description="the server may take a file as soon as it is there")
    read_back: Flag = Field(default=False, description="read each part back and compare its hash")
    connections: Connections = Field(4, description="parts sent at once")
    request_kib: Annotated[Count, Field(le=255)] = Field(255, description="size of a write request")
    timeout_seconds: Seconds = Field(30, description="silence after which a connection is given up")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        given = [name for name in ("password", "key", "key_file") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give one of password, key and key_file")
        if self.passphrase and self.password:
            raise ValueError("a passphrase belongs to a key or key_file, not to a password")
        if self.temporary_folder and not self.rename:
            raise ValueError("temporary_folder needs rename: true")
        return self


class BucketSettings(TargetSettings):
    """What buckets of all three clouds have."""

    prefix: Annotated[str, AfterValidator(lambda text: text.strip("/"))] = Field(
        "", description="folder within the bucket"
    )
    endpoint: Text | None = Field(None, description="address of a service other than the cloud's own")
    read_back: Flag = Field(default=True, description="read each part back and compare its hash")
    connections: Connections = Field(4, description="parts sent at once")
    timeout_seconds: Seconds = Field(120, description="wait for one answer")


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


class GcsSettings(BucketSettings):
    """A bucket of Google Cloud Storage."""

    kind: Literal["gcs"]
    bucket: Text
    service_account: SecretReference | None = Field(
        None, description="reference to the JSON of a service account; Google's own chain of credentials if none"
    )


class AzureSettings(BucketSettings):
    """A container of Azure Blob Storage."""

    kind: Literal["azure"]
    account: Text
    container: Text
    sas: SecretReference | None = Field(None, description="reference to a SAS token")
    access_key: SecretReference | None = Field(None, description="reference to a key of the account")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.sas and self.access_key:
            raise ValueError("give sas or access_key, not both")
        return self


def _branch(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"{BRANCH}{kind}" if kind in get_args(Kind) else None


AnyTarget = Annotated[
    Annotated[SftpSettings, Tag(f"{BRANCH}sftp")]
    | Annotated[LocalSettings, Tag(f"{BRANCH}local")]
    | Annotated[S3Settings, Tag(f"{BRANCH}s3")]
    | Annotated[GcsSettings, Tag(f"{BRANCH}gcs")]
    | Annotated[AzureSettings, Tag(f"{BRANCH}azure")],
    Discriminator(
        _branch,
        custom_error_type="target_kind",
        custom_error_message=f"expected `kind`, one of {', '.join(get_args(Kind))}, with that kind's settings",
    ),
]
Targets = dict[TargetName, AnyTarget]
