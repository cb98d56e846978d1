"""Who is let in: the API key, and the older login with a token (reference, section 1.2)."""

from collections.abc import Mapping
from time import monotonic
from uuid import uuid4

from optimove_pipeline.sandbox.options import SandboxOptions
from optimove_pipeline.sandbox.replies import Reply, refused, too_many

_SECONDS_BETWEEN_LOGINS = 1.0


class Logins:
    """The tokens of one sandbox. A token lives for a time after its last use."""

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._token: str | None = None
        self._used = 0.0
        self._last_login: float | None = None
        self._expired: set[str] = set()
        self.count = 0

    def log_in(self, body: Mapping[str, object]) -> Reply:
        """The answer to ``general/login``: a new token, or 429 while one is good or within a second."""
        now = monotonic()
        self.count += 1
        hasty = self._last_login is not None and now - self._last_login < _SECONDS_BETWEEN_LOGINS
        if hasty or self._fresh(now):
            return too_many()
        self._last_login = now
        name = body.get("Username", body.get("UserName"))
        if (name, body.get("Password")) != (self._options.username, self._options.password):
            return refused()
        self.expire()
        self._token, self._used = str(uuid4()), now
        return Reply(200, f'"{self._token}"'.encode(), "application/json")

    def expire(self) -> None:
        """End the token that is good now, if any."""
        if self._token:
            self._expired.add(self._token)
        self._token = None

    def refusal(self, headers: Mapping[str, str]) -> Reply | None:
        """The answer to a request that is not let in; None for one that is."""
        if "x-api-key" in headers:
            return None if headers["x-api-key"] == self._options.key else refused()
        token = headers.get("authorization-token", "")
        now = monotonic()
        if token and token == self._token and self._fresh(now):
            self._used = now
            return None
        return expired() if token in (self._token, *self._expired) else refused()

    def _fresh(self, now: float) -> bool:
        return self._token is not None and now - self._used < self._options.token_seconds


def expired() -> Reply:
    """The answer to a token that was good once."""
    return Reply(403, b"Authorization-Token Expired", "text/plain")
