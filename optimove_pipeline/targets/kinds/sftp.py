"""An SFTP server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.target import Connections, FileTargetSettings
from optimove_pipeline.settings.types import Count, Flag, Seconds, Text
from optimove_pipeline.targets.connecting import Step, Who

if TYPE_CHECKING:
    from optimove_pipeline.targets.sftp import SftpTarget
    from optimove_pipeline.targets.table import Table

_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_KNOWN_HOST = re.compile(r"(?:\S+ )?(?:ssh-|ecdsa-|sk-)\S+ [A-Za-z0-9+/]+=*(?: .*)?")


def _host_key(text: str) -> str:
    if not _FINGERPRINT.fullmatch(text) and not _KNOWN_HOST.fullmatch(text):
        raise ValueError("expected a fingerprint such as SHA256:… (43 characters), or a line of known_hosts")
    return text


HostKey = Annotated[str, AfterValidator(_host_key)]


class SftpSettings(FileTargetSettings):
    """An SFTP server."""

    folder_setting: ClassVar[str] = "folder"

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

    def open(self, name: str, data_dir: Path) -> SftpTarget:
        """Return the server as a target."""
        from optimove_pipeline.targets.sftp import SftpTarget

        return SftpTarget(name, self)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return what Optimove and the company exchange (reference on delivery, section 3.6)."""
        return [
            Step(
                Who.OPTIMOVE,
                "open the account, and tell its host key",
                f"host {self.host}, port {self.port}, user {self.username}, folder {self.folder}",
            ),
            Step(Who.COMPANY, "allow connections to the server", f"{self.host}:{self.port}"),
            *(
                []
                if self.host_keys
                else [
                    Step(
                        Who.COMPANY,
                        "pin the server's host key, which `optimove-pipeline check` shows, if Optimove told the same",
                        f"targets.{name}.host_keys",
                    )
                ]
            ),
        ]


SETTINGS = SftpSettings
