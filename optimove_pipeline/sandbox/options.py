"""What a sandbox can be told: how large its tenant is, how its server behaves. Wrong values are refused."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sandbox.receiver.public_keys import public_blob

FIRST_DAY = date(2020, 1, 1)
EMPTY_STYLES = ("array", "body", "null", "404")


@dataclass(frozen=True, slots=True)
class TenantOptions:
    """The size and seed of a tenant. Equal options make equal tenants, in every process."""

    seed: int = 1
    customers: int = 5_000
    campaigns_per_day: int = 14
    """Campaigns on the busiest weekday, target groups and ad hoc lists together."""
    one_time_per_day: int = 1
    """Campaigns a day that run on an ad hoc list of customers instead of a target group."""
    target_groups: int = 20
    actions: int = 40
    """Ids 1 to this; 1 is the control group's, the last two are kept for one-time campaigns."""
    channels: int = 4
    """How many of the known execution channels the tenant uses (at most 6)."""
    reach: float = 0.25
    """The share of the customers that campaigns reach on the busiest weekday."""
    start: date = date(2024, 1, 1)
    """The first day with campaigns; every day before it is empty."""


PRESETS: Mapping[str, TenantOptions] = MappingProxyType(
    {
        "tiny": TenantOptions(
            customers=400, campaigns_per_day=8, target_groups=8, actions=20, channels=3, reach=0.22
        ),
        "small": TenantOptions(),
        "medium": TenantOptions(
            customers=200_000, campaigns_per_day=60, one_time_per_day=3, target_groups=80, actions=200
        ),
        "large": TenantOptions(customers=5_600_000, campaigns_per_day=60, target_groups=80, actions=200, reach=0.9),
    }
)


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """Everything that can be chosen about a sandbox; fields left at None come from the preset.

    Raises ``SettingsError`` on a value that can't work, naming the field.
    """

    preset: str = "small"
    """The tenant's size: tiny (some 3 thousand rows a day over all reports), small, medium or large."""
    seed: int = 1
    """Another number makes another tenant of the same size."""
    customers: int | None = None
    campaigns_per_day: int | None = None
    one_time_per_day: int | None = None
    target_groups: int | None = None
    actions: int | None = None
    channels: int | None = None
    reach: float | None = None
    start: date | None = None
    today: date | None = None
    """The tenant's current date; the day before it is the last with data. None: the real date in UTC."""

    host: str = "127.0.0.1"
    port: int = 0
    """0: any free port."""
    key: str = field(default="sandbox-key", repr=False)
    """The value of X-API-KEY that is let in."""
    username: str = "sandbox"
    password: str = field(default="sandbox-password", repr=False)
    token_seconds: float = 1200.0
    """How long a login token lives after its last use (reference, section 1.2: 20 minutes)."""
    windows: tuple[tuple[int, float], ...] = ((50, 10.0), (2000, 3600.0))
    """Rate limits as (calls, seconds), each a sliding window; none switches them off."""
    retry_after: bool = False
    """Send Retry-After with 429; the documentation mentions no such header (reference, section 1.3)."""
    page_cap: int = 10_000
    """A larger or a missing $top is cut to this without a word (reference, section 1.5)."""
    latency: float = 0.0
    """Seconds that every answer takes at least."""
    jitter: float = 0.0
    """Up to so many seconds more, drawn by the seed."""
    empty: str = "array"
    """What no rows look like: array ([]), body (nothing at all), null, or 404 (reference, section 1.6)."""
    key_drift: bool = False
    """ChannelId instead of ChannelID, and so on (reference, section 1.7)."""
    numbers_as_text: bool = False
    flags_as_text: bool = False
    attributes_as_text: bool = False
    """The old form: one delimited string under CustomerAttribute (reference, section 1.8)."""

    folder: str | None = None
    """Where the company's database lies, and what the SFTP server needs and gets. None: there is neither."""
    sftp_port: int = 0
    """0: any free port. Username and password are those of the legacy login."""
    public_key: str | None = None
    """A line of ``authorized_keys`` that the SFTP server lets in, besides the key that it makes."""

    def __post_init__(self) -> None:
        _check_tenant(tenant_options(self))
        _check_server(self)


def tenant_options(options: SandboxOptions) -> TenantOptions:
    """The preset's tenant with the fields that were chosen one by one."""
    if options.preset not in PRESETS:
        raise SettingsError(f"sandbox preset: expected one of {', '.join(PRESETS)}, got {options.preset!r}")
    names = {known.name for known in fields(TenantOptions)}
    chosen = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return replace(PRESETS[options.preset], **chosen)


def as_json(options: SandboxOptions) -> dict[str, Any]:
    """The options as plain JSON values; ``from_json`` is the way back."""
    plain = asdict(options)
    for name in ("start", "today"):
        plain[name] = plain[name].isoformat() if plain[name] else None
    return plain


def from_json(plain: Mapping[str, Any]) -> SandboxOptions:
    """The options that ``as_json`` wrote down."""
    values = dict(plain)
    for name in ("start", "today"):
        values[name] = date.fromisoformat(values[name]) if values[name] else None
    values["windows"] = tuple((int(calls), float(seconds)) for calls, seconds in values["windows"])
    return SandboxOptions(**values)


def today_in_utc() -> date:
    """The real date, for tenants whose date is not fixed."""
    return datetime.now(UTC).date()


def _require(name: str, expected: str, value: object, *, holds: bool) -> None:
    if not holds:
        raise SettingsError(f"sandbox {name}: expected {expected}, got {value!r}")


def _require_public_key(line: str) -> None:
    try:
        public_blob(line)
    except ValueError as problem:
        raise SettingsError(f"sandbox public_key: {problem}, got {line!r}") from None


def _check_tenant(tenant: TenantOptions) -> None:
    per_day = tenant.campaigns_per_day
    # Every campaign holds at least four customers, and none is in two campaigns of a day.
    fewest = 40 * (per_day + 1)
    _require("customers", f"at least {fewest} for this size", tenant.customers, holds=tenant.customers >= fewest)
    _require("campaigns_per_day", "4 to 400", per_day, holds=4 <= per_day <= 400)
    one_time = tenant.one_time_per_day
    _require("one_time_per_day", "0 to 50", one_time, holds=0 <= one_time <= 50)
    _require("target_groups", "at least 1", tenant.target_groups, holds=tenant.target_groups >= 1)
    _require("channels", "1 to 6", tenant.channels, holds=1 <= tenant.channels <= 6)
    _require("reach", "more than 0, at most 0.9", tenant.reach, holds=0 < tenant.reach <= 0.9)
    _require("start", f"{FIRST_DAY} or later", tenant.start, holds=tenant.start >= FIRST_DAY)
    # Each campaign needs up to three actions that no other campaign of its target group uses.
    needed = 5 + -(-6 * per_day // tenant.target_groups)
    _require("actions", f"at least {needed} for this size", tenant.actions, holds=tenant.actions >= needed)


def _check_server(options: SandboxOptions) -> None:
    for name in ("port", "sftp_port"):
        port = getattr(options, name)
        _require(name, "0 to 65535", port, holds=0 <= port <= 65535)
    _require("key", "a value of X-API-KEY", options.key, holds=bool(options.key))
    _require("page_cap", "at least 1", options.page_cap, holds=options.page_cap >= 1)
    _require("empty", "one of " + ", ".join(EMPTY_STYLES), options.empty, holds=options.empty in EMPTY_STYLES)
    if options.public_key is not None:
        _require_public_key(options.public_key)
    ttl = options.token_seconds
    _require("token_seconds", "more than 0", ttl, holds=ttl > 0)
    for name in ("latency", "jitter"):
        seconds = getattr(options, name)
        _require(name, "seconds, 0 or more", seconds, holds=seconds >= 0)
    for window in options.windows:
        calls, span = window
        _require("windows", "pairs of (calls, seconds), both positive", window, holds=calls >= 1 and span > 0)
