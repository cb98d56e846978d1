"""Buckets of Amazon S3, Google Cloud Storage and Azure Blob Storage, through one library.

An object appears whole, in one step, and only where none is: so there are no temporary names, and nothing is ever
overwritten. Large parts go up in pieces; pieces of an upload that was cut off are invisible, and the bucket's own
lifecycle rule removes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    GenericError,
    PermissionDeniedError,
    UnauthenticatedError,
)
from obstore.store import ObjectStore

from optimove_pipeline.settings.buckets import BucketSettings
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.source import blocks, sha256
from optimove_pipeline.targets.target import Found, Part

_PIECE = 8 * 2**20
_PIECES_AT_ONCE = 3
_RETRIES, _RETRY_SECONDS = 3, 10
"""The library's own tries of one request; longer outages are the deliver stage's affair."""
_REFUSED = re.compile(r"status code: (?:40[03]|412)\b|InvalidArgument|NotImplemented|NoSuchBucket|ContainerNotFound")


@dataclass(frozen=True, slots=True)
class BucketTarget:
    """A bucket, or a folder of it."""

    name: str
    settings: BucketSettings

    @property
    def place(self) -> str:
        """Kind, bucket and folder."""
        return f"{self.settings.kind}://{self.settings.bucket_name}/{self.settings.prefix}".rstrip("/")

    @property
    def connections(self) -> int:
        """How many parts are sent at once."""
        return self.settings.connections

    @property
    def attempts(self) -> int:
        """How often a part is tried."""
        return self.settings.attempts

    @property
    def in_place(self) -> bool:
        """Never: an object appears whole."""
        return False

    @property
    def manifest_folder(self) -> str | None:
        """The side folder of manifests."""
        return self.settings.manifest_folder

    @contextmanager
    def session(self) -> Iterator[BucketSession]:
        """Yield a session; it connects with its first request.

        Raises:
            SettingsError: a secret is missing.
            TargetError: the settings make no store, such as a service account that is none.
        """
        label = f"target {self.name} ({self.place})"
        with _told(label, "open", ""):
            store = self.settings.store(_options(self.settings))
        yield BucketSession(store, self.settings, label)


@dataclass(frozen=True, slots=True)
class BucketSession:
    """The steps of a delivery to a bucket."""

    store: ObjectStore
    settings: BucketSettings
    label: str

    def look(self, part: Part) -> Found | None:
        """Return what lies under the part's name; its hash is only read if the size is right."""
        with _told(self.label, "look at", part.name):
            try:
                size = obstore.head(self.store, self._path(part))["size"]
            except FileNotFoundError:
                return None
            return Found(size, self._sha256(part) if size == part.bytes else None)

    def is_waiting(self, part: Part) -> bool:
        """Return False: nothing waits for a last step."""
        return False

    def send(self, part: Part, before_last_step: Callable[[], None]) -> None:
        """Create the object and verify it."""
        with _told(self.label, "write", part.name):
            try:
                obstore.put(
                    self.store,
                    self._path(part),
                    blocks(part, _PIECE),
                    mode="create",
                    chunk_size=_PIECE,
                    max_concurrency=_PIECES_AT_ONCE,
                )
            except AlreadyExistsError:
                # The library tries again by itself, so it may be our own of which we have not heard.
                created = False
            else:
                created = True
        self._verify(part, created=created)

    def discard(self, part: Part) -> None:
        """Remove the object."""
        with _told(self.label, "remove", part.name):
            obstore.delete(self.store, self._path(part))

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Return nothing: nothing is left behind that we could see."""
        return []

    def _verify(self, part: Part, *, created: bool) -> None:
        found = self.look(part)
        if found is not None and found.is_whole(part):
            return
        if created and found is not None:
            self.discard(part)
        held = "nothing" if found is None else f"{found.bytes:,} bytes, SHA-256 {found.sha256 or 'not read'}"
        raise TargetError(
            f"{self.label}: {part.name}: {held} after writing, expected {part.bytes:,} bytes, SHA-256 {part.sha256}; "
            "does something else write to that folder? Remove what lies there, or redeliver the day with a reason"
        )

    def _sha256(self, part: Part) -> str | None:
        if not self.settings.read_back:
            return None
        return sha256(bytes(block) for block in obstore.get(self.store, self._path(part)).stream(_PIECE))

    def _path(self, part: Part) -> str:
        return f"{self.settings.prefix}/{part.name}".lstrip("/")


def _options(settings: BucketSettings) -> dict[str, Any]:
    return {
        "client_options": {
            "timeout": timedelta(seconds=settings.timeout_seconds),
            "connect_timeout": timedelta(seconds=min(settings.timeout_seconds, 10)),
            "allow_http": bool(settings.endpoint and settings.endpoint.startswith("http://")),
        },
        "retry_config": {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
    }


@contextmanager
def _told(label: str, action: str, name: str) -> Iterator[None]:
    """Tell errors in our words. The library's hold addresses, and so perhaps a SAS token: they are not passed on."""
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError):
        raise LoginError(
            f"{label}: may not {action} {name}: check that the credential is that of this bucket, has not "
            "expired, and may read, list, create and delete there"
        ) from None
    except GenericError as error:
        if _REFUSED.search(str(error)):
            raise TargetError(f"{label}: can't {action} {name}: {_said(error)}") from None
        raise UnreachableError(f"{label}: can't {action} {name}: {_said(error)}") from None
    except (BaseError, FileNotFoundError, ValueError) as error:
        raise TargetError(f"{label}: can't {action} {name}: {_said(error)}; is the bucket there?") from None


def _said(error: Exception) -> str:
    """Return the first line of an error, without what follows the path of an address."""
    line = next(iter(str(error).splitlines()), type(error).__name__)
    return re.sub(r"\?\S*", "", line)[:300]
