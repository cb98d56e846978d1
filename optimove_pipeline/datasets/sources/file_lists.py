"""Which files a pattern names, in a folder or a bucket, and the files as they were when they were listed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from optimove_pipeline.datasets.sources.drivers import driver
from optimove_pipeline.errors import PartitionError, SettingsError
from optimove_pipeline.settings.secrets import reveal
from optimove_pipeline.settings.sources import FilesSettings

_BLOCK = 8 * 2**20
_REFUSED = re.compile(r"status code: 40[13]\b")
_RETRIES, _RETRY_SECONDS = 3, 10


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as it was listed: ``version`` is its time of change or its entity tag."""

    name: str
    bytes: int
    version: str


class Place(Protocol):
    """A folder or a bucket."""

    def listed(self, pattern: str) -> list[Listed]:
        """Return the files that a pattern names, by name."""

    def fetched(self, file: Listed, folder: Path) -> Path:
        """Return where a file can be read on this machine, fetched into ``folder`` if need be."""

    def check(self, file: Listed) -> None:
        """Raise PartitionError if a file is not as it was listed."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine."""

    place: str
    root: Path

    def listed(self, pattern: str) -> list[Listed]:
        """Return the files that a pattern names, by name."""
        found = sorted(path for path in self.root.glob(pattern) if path.is_file())
        return [_stated(path, str(path.relative_to(self.root))) for path in found]

    def fetched(self, file: Listed, folder: Path) -> Path:
        """Return where a file lies."""
        return self.root / file.name

    def check(self, file: Listed) -> None:
        """Raise PartitionError if a file is gone, or has another size or time of change."""
        path = self.root / file.name
        if not path.is_file() or _stated(path, file.name) != file:
            raise _changed(self.place, file.name)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket, or a folder of it; its files are copied here before they are read."""

    place: str
    store: Any

    def listed(self, pattern: str) -> list[Listed]:
        """Return the files that a pattern names, by name."""
        import obstore

        fixed = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]
        matches = re.compile(_expression(pattern)).fullmatch
        with _told(self.place, "list"):
            found = [each for some in obstore.list(self.store, prefix=fixed or None) for each in some]
        files = [Listed(each["path"], each["size"], str(each["e_tag"])) for each in found if matches(each["path"])]
        return sorted(files, key=lambda file: file.name)

    def fetched(self, file: Listed, folder: Path) -> Path:
        """Copy a file into ``folder``, if it is as it was listed."""
        import obstore

        path = folder / f"{len(list(folder.iterdir()))}-{Path(file.name).name}"
        with _told(self.place, file.name), path.open("wb") as copy:
            answer = obstore.get(self.store, file.name, options={"if_match": file.version})
            for block in answer.stream(_BLOCK):
                copy.write(bytes(block))
        return path

    def check(self, file: Listed) -> None:
        """Do nothing: what was read is a copy of the file as it was listed."""


def place_of(place: str, settings: FilesSettings, data_dir: Path) -> Place:
    """Return the folder or bucket of the settings.

    Raises:
        SettingsError: there is no such folder, or a secret is missing.
    """
    if settings.scheme:
        driver("obstore", "buckets", place)
        return Bucket(place, _store(settings))
    root = data_dir / settings.location
    if not root.is_dir():
        raise SettingsError(f"{place}: there is no such folder")
    return Folder(place, root)


def has_date(pattern: str) -> bool:
    """Return whether a pattern of paths depends on the partition.

    Raises:
        SettingsError: it is no pattern.
    """
    first = date(2026, 1, 31)
    return filled(pattern, first) != filled(pattern, first - timedelta(days=340))


def has_hour(pattern: str) -> bool:
    """Return whether a pattern of paths tells the hours of a day apart.

    Raises:
        SettingsError: it is no pattern.
    """
    hours = (datetime(2026, 1, 31, hour) for hour in (5, 18))  # noqa: DTZ001 - partitions
    return len({filled(pattern, hour) for hour in hours}) > 1


def filled(pattern: str, partition: date | None) -> str:
    """Return a pattern with the partition in it; ``{date:%Y-%m-%d}`` stands for it.

    Raises:
        SettingsError: it is no pattern of paths below the source's location.
    """
    try:
        text = pattern.format(**({} if partition is None else {"date": partition}))
    except (KeyError, IndexError, ValueError) as error:
        raise SettingsError(f"files {pattern!r}: {error!r}; the day is written as {{date:%Y-%m-%d}}") from error
    if text.startswith("/") or ".." in text.split("/"):
        raise SettingsError(f"files {pattern!r}: expected a pattern of paths below the source's location")
    return text


_RETRY = {"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)}


def _stated(path: Path, name: str) -> Listed:
    state = path.stat()
    return Listed(name, state.st_size, str(state.st_mtime_ns))


def _changed(place: str, name: str) -> PartitionError:
    return PartitionError(f"{place}: {name} changed while it was read: run again once it is whole")


def _expression(pattern: str) -> str:
    """Return a pattern of paths as a regular expression: ``**/`` is any folders, ``*`` and ``?`` end at a slash."""
    pieces = {"**/": "(?:.*/)?", "*": "[^/]*", "?": "[^/]"}
    found = re.split(r"(\*\*/|\*|\?)", pattern)
    return "".join(pieces.get(piece, re.escape(piece)) for piece in found)


def _store(settings: FilesSettings) -> Any:
    from obstore.store import AzureStore, GCSStore, S3Store

    first, _, rest = settings.location.partition("://")[2].strip("/").partition("/")
    common: dict[str, Any] = {
        "client_options": _client_options(settings),
        "prefix": rest or None,
        "retry_config": _RETRY,
    }
    if settings.scheme == "s3":
        keys = {"access_key_id": settings.access_key, "secret_access_key": settings.secret_key}
        own = _given({"endpoint": settings.endpoint, "region": settings.region})
        return S3Store(first, **_revealed(keys), **own, **common)
    if settings.scheme == "gs":
        keys = {"service_account_key": settings.service_account}
        return GCSStore(first, **_revealed(keys), **_given({"base_url": settings.endpoint}), **common)
    container, _, folder = rest.partition("/")
    keys = {"sas_key": settings.sas, "account_key": settings.access_key}
    own = _given({"endpoint": settings.endpoint})
    return AzureStore(container, account_name=first, **_revealed(keys), **own, **common | {"prefix": folder or None})


def _client_options(settings: FilesSettings) -> dict[str, Any]:
    return {
        "timeout": timedelta(seconds=settings.timeout_seconds),
        "connect_timeout": timedelta(seconds=min(settings.timeout_seconds, 10)),
        "allow_http": bool(settings.endpoint and settings.endpoint.startswith("http://")),
    }


def _revealed(references: dict[str, str | None]) -> dict[str, Any]:
    return {name: reveal(reference) for name, reference in references.items() if reference is not None}


def _given(values: dict[str, str | None]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def _told(place: str, what: str) -> Iterator[None]:
    """Tell the library's errors in our words: its own hold addresses, and so perhaps a SAS token."""
    from obstore.exceptions import BaseError, PermissionDeniedError, PreconditionError, UnauthenticatedError

    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError):
        raise SettingsError(f"{place}: {what}: refused: may the credential list and read there?") from None
    except (PreconditionError, FileNotFoundError):
        raise _changed(place, what) from None
    except (BaseError, ValueError) as error:
        if _REFUSED.search(str(error)):
            raise SettingsError(f"{place}: {what}: refused: may the credential list and read there?") from None
        raise PartitionError(
            f"{place}: {what}: {type(error).__name__}: is the bucket there, and reachable?"
        ) from None
