"""Until when credentials hold, where that can be read: SAS tokens, certificates of OpenSSH keys, certificate files.

Passwords, plain keys, keys of S3 and service accounts tell of no end, nor does a SAS token whose end is kept in a
stored access policy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from urllib.parse import parse_qs

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import SSHCertificate, load_ssh_public_identity

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.settings.secrets import reveal
from optimove_pipeline.settings.types import Section

WARNING_DAYS = (30, 14, 3, 0)
"""Days before its end at which a credential is warned of (reference on delivery, section 4.8), and 0, its end."""

_LAST_SECOND = 253_402_300_799
"""The last second that a datetime holds; OpenSSH's "forever" lies beyond it."""

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Expiry:
    """What expires, the setting that names it (``targets.archive.sas``), and when (UTC).

    ``at`` is None where it should be possible to read that and is not; ``problem`` says why.
    """

    what: str
    where: str
    at: datetime | None
    problem: str = ""

    def days_left(self, now: datetime) -> int | None:
        """Return the days left, begun ones counted; 0 or less once it has expired, None if its end is not known."""
        return None if self.at is None else ceil((self.at - now).total_seconds() / _DAY_SECONDS)

    def warning(self, now: datetime) -> int | None:
        """Return the last of ``WARNING_DAYS`` that has come; None while there is more time, or no end is known."""
        left = self.days_left(now)
        return None if left is None else min((days for days in WARNING_DAYS if left <= days), default=None)


def expiries(settings: Section) -> list[Expiry]:
    """Return the credentials of all settings whose end can be read, and those where it can't be though it should."""
    return [
        expiry
        for where, section in _sections(settings, "")
        for name, read in _READERS.items()
        if (value := getattr(section, name, None)) is not None
        if (expiry := _expiry(f"{where}.{name}", value, read)) is not None
    ]


def problems_of(found: Iterable[Expiry], now: datetime) -> list[str]:
    """Return a line for each credential that has expired, will within 30 days, or whose end can't be read."""
    return [line for expiry in found if (line := problem_of(expiry, now))]


def problem_of(expiry: Expiry, now: datetime) -> str:
    """Return in a line what is to be done about a credential; empty if nothing."""
    if expiry.at is None:
        return f"{expiry.where}: until when the {expiry.what} holds can't be read: {expiry.problem}"
    if expiry.warning(now) is None:
        return ""
    moment = f"{expiry.at:%Y-%m-%d %H:%M} UTC"
    left = expiry.days_left(now) or 0
    if left <= 0:
        return f"{expiry.where}: the {expiry.what} has expired, on {moment}: get a new one, and put it in its place"
    span = f"{left} days" if left > 1 else "a day"
    return f"{expiry.where}: the {expiry.what} expires in {span}, on {moment}: get a new one before that"


def _sections(value: object, where: str) -> Iterator[tuple[str, Section]]:
    """Yield all sections of settings, each with its place."""
    if isinstance(value, Section):
        yield where, value
        for name in type(value).model_fields:
            yield from _sections(getattr(value, name), f"{where}.{name}".lstrip("."))
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from _sections(each, f"{where}.{name}")


@dataclass(frozen=True, slots=True)
class _Reader:
    """How the end of a kind of credential is read: None where it tells of none."""

    what: str
    end: Callable[[str], datetime | None]


def _expiry(where: str, value: object, reader: _Reader) -> Expiry | None:
    try:
        at = reader.end(str(value))
    except (SettingsError, OSError) as error:
        return Expiry(reader.what, where, None, str(error))
    except (ValueError, UnsupportedAlgorithm):
        # Its text may hold the credential.
        return Expiry(reader.what, where, None, f"it is no {reader.what} that can be read")
    return None if at is None else Expiry(reader.what, where, at)


def _end_of_sas(reference: str) -> datetime | None:
    ends = parse_qs(reveal(reference).lstrip("?")).get("se")
    if not ends:
        return None
    at = datetime.fromisoformat(ends[0])
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def _end_of_key(key_file: str) -> datetime | None:
    """Return the end of the certificate that lies beside a key, where OpenSSH looks for one."""
    file = Path(f"{key_file}-cert.pub")
    if not file.exists():
        return None
    found = load_ssh_public_identity(file.read_bytes())
    if not isinstance(found, SSHCertificate):
        raise ValueError("a plain key")  # noqa: TRY004 - the file's content is wrong, not its type
    return None if found.valid_before > _LAST_SECOND else datetime.fromtimestamp(found.valid_before, UTC)


def _end_of_certificates(file: str) -> datetime | None:
    """Return when the first authority is left without a certificate: while one is replaced, there are two of it."""
    ends: dict[x509.Name, datetime] = {}
    for certificate in x509.load_pem_x509_certificates(Path(file).read_bytes()):
        end = certificate.not_valid_after_utc
        ends[certificate.subject] = max(end, ends.get(certificate.subject, end))
    return min(ends.values(), default=None)


_READERS: Mapping[str, _Reader] = {
    "sas": _Reader("SAS token", _end_of_sas),
    "key_file": _Reader("certificate of the SSH key", _end_of_key),
    "ca_file": _Reader("certificate file", _end_of_certificates),
    "tls_certificate": _Reader("certificate of the API", _end_of_certificates),
}
"""By the name of the setting."""
