"""How a request proves who asks: an API key, or the legacy login (reference, section 1.2)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import httpx
from pydantic import SecretStr

from optimove_pipeline.errors import AnswerError, TransientError, UnauthorizedError
from optimove_pipeline.optimove.budget import Clock
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.optimove.counting import CountedCall, Counter
from optimove_pipeline.optimove.messages import beginning
from optimove_pipeline.optimove.options import ApiOptions, Login, sendable
from optimove_pipeline.optimove.responses import error_of
from optimove_pipeline.optimove.retrying import retry_after

LOGIN = Call("general/login")
KEY_HEADER = "X-API-KEY"
TOKEN_HEADER = "Authorization-Token"  # noqa: S105 - the header's name, not a token

SURELY_EXPIRED_SECONDS = 21 * 60.0
"""A token is good for 20 minutes from the last call of any function; a minute more leaves no doubt."""

BETWEEN_LOGINS_SECONDS = 1.1
"""More than one login a second is refused."""


class KeyAuth(httpx.Auth):
    """The API key, set on each request as it leaves, so that no client object shows it."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Add the header."""
        request.headers[KEY_HEADER] = self._key.get_secret_value()
        yield request


class LoginAuth(httpx.Auth):
    """The legacy login: one token for all calls of a client, one login under way at a time.

    A token is kept until the API calls it expired (``expire``) or it must be, since logging in while it is good is
    refused. A login is a call: it takes a grant and is recorded.
    """

    def __init__(self, options: ApiOptions, login: Login, counter: Counter, clock: Clock) -> None:
        self._options = options
        self._login = login
        self._counter = counter
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._token = ""
        self._used = 0.0
        self._last_login: float | None = None
        self._refusal = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must never be shown besides the credentials of the options."""
        return (self._token,)

    def expire(self, request: httpx.Request) -> None:
        """Forget the token that a refused request bore, unless another call has already got a new one."""
        if request.headers.get(TOKEN_HEADER) == self._token:
            self._token = ""

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Log in if there is no good token, then send the request with it.

        Raises UnauthorizedError for a refused login, now and ever after; TransientError for one that failed.
        """
        async with self._one_at_a_time:
            if self._refusal:
                raise UnauthorizedError(self._refusal)
            if not self._token or self._clock.monotonic() - self._used > SURELY_EXPIRED_SECONDS:
                await self._keep_apart()
                async with self._counter.counted(LOGIN, LOGIN.query, 1) as counted:
                    response = yield self._login_request(counted)
                    await response.aread()
                    self._finish_login(response, counted)
        request.headers[TOKEN_HEADER] = self._token
        self._used = self._clock.monotonic()
        yield request
        self._used = self._clock.monotonic()

    async def _keep_apart(self) -> None:
        if self._last_login is not None:
            since = self._clock.monotonic() - self._last_login
            if since < BETWEEN_LOGINS_SECONDS:
                await self._clock.sleep(BETWEEN_LOGINS_SECONDS - since)

    def _login_request(self, counted: CountedCall) -> httpx.Request:
        self._last_login = self._clock.monotonic()
        body = {"Username": self._login.username, "Password": self._login.password.get_secret_value()}
        extensions = {**counted.extensions, "timeout": self._options.timeout.as_dict()}
        return httpx.Request("POST", self._options.url(LOGIN.function), json=body, extensions=extensions)

    def _finish_login(self, response: httpx.Response, counted: CountedCall) -> None:
        counted.end()
        self._last_login = self._clock.monotonic()
        counted.status = response.status_code
        counted.outcome = f"http_{response.status_code}"
        if response.status_code != httpx.codes.OK:
            self._raise_refused(response)
        token = _token_of(response)
        if not sendable(token):
            counted.outcome = "unreadable"
            raise AnswerError(f"{LOGIN.describe()}: the answer is not a token in a JSON string")
        self._token = token
        counted.outcome = "ok"

    def _raise_refused(self, response: httpx.Response) -> None:
        shown = beginning(response.content, self._options.secrets)
        message = f"{LOGIN.describe()}: HTTP {response.status_code}: {shown}"
        if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            self._refusal = f"{message}. The API refuses the login: check user name and password"
            raise UnauthorizedError(self._refusal)
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            wish = retry_after(response.headers)
            raise TransientError(message, retry_after=self._options.rate_limited_seconds if wish is None else wish)
        raise error_of(response.status_code, response.headers, message)


def _token_of(response: httpx.Response) -> str:
    try:
        token = json.loads(response.content)
    except ValueError:
        return ""
    return token if isinstance(token, str) else ""
