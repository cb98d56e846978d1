"""The client of the Optimove API: one call in, one answer on disk out, within the budget and through failures."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

import httpx

from optimove_pipeline.errors import AnswerError, ForbiddenError, RequestError, TransientError, UnauthorizedError
from optimove_pipeline.optimove.answers import read_json
from optimove_pipeline.optimove.authentication import KeyAuth, LoginAuth
from optimove_pipeline.optimove.budget import Budget, Clock
from optimove_pipeline.optimove.calls import Call, CallRecord
from optimove_pipeline.optimove.circuit import Circuit
from optimove_pipeline.optimove.counting import CountedCall, Counter
from optimove_pipeline.optimove.exchange import Asked, Received, failure, judge, receive, unproven
from optimove_pipeline.optimove.options import ApiOptions
from optimove_pipeline.optimove.proofs import Proofs
from optimove_pipeline.optimove.responses import Content, content_of
from optimove_pipeline.optimove.retrying import back_off

logger = logging.getLogger(__name__)

LAST_DATA_UPDATE = Call("general/GetLastDataUpdate")
LAST_DATA_UPDATE_SECONDS = 300.0
"""How long the date of the last data update is taken for current."""

KEEP_ALIVE_SECONDS = 15.0


class Counted(Protocol):
    """What reading an answer gives: anything that knows how many rows it read."""

    @property
    def rows(self) -> int:
        """Return the number of rows."""


T = TypeVar("T", bound=Counted)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """An answer that arrived whole: what reading it gave, or None where it is ``empty``; ``bytes`` as received."""

    value: T | None
    status: int
    empty: bool
    bytes: int


@dataclass(frozen=True, slots=True)
class LookedUp:
    """The JSON of a small answer; ``rows`` of what is no list is 1."""

    value: Any

    @property
    def rows(self) -> int:
        """Return the number of rows."""
        return len(self.value) if isinstance(self.value, list) else 1


@dataclass(slots=True)
class _Tries:
    """How often a call was tried, with the last status, and whether the login was just renewed for it."""

    attempt: int = 1
    status: int | None = None
    renewed: bool = False


class Optimove:
    """The API's client; one per process and event loop, used as an async context manager.

    Every HTTP call takes a grant of ``budget`` and is handed to ``record`` afterwards, retries and logins too.
    ``clock`` is for tests, which don't wait.
    """

    def __init__(
        self,
        api: ApiOptions,
        budget: Budget,
        record: Callable[[CallRecord], None] = lambda _: None,
        *,
        clock: Clock | None = None,
    ) -> None:
        self._api = api
        self._clock = clock or Clock()
        self._counter = Counter(budget, record, self._clock)
        self._login = LoginAuth(api, api.login, self._counter, self._clock) if api.login else None
        self._circuit = Circuit(api.circuit, self._clock)
        self._proofs = Proofs(api.base_url, api.proofs)
        self._slots = asyncio.Semaphore(api.concurrency)
        self._readers = ThreadPoolExecutor(api.readers, thread_name_prefix="optimove-read")
        self._http = _http_client(api, self._login)
        self._refusal = ""
        self._updated: tuple[float, date] | None = None
        self._one_update = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()
        self._readers.shutdown(cancel_futures=True)

    async def get(
        self, call: Call, into: Path, read: Callable[[Path], T], *, top: int | None = None, skip: int | None = None
    ) -> Answer[T]:
        """Make a call, with retries, and leave its answer in ``into``: as it came, plain or gzip, whole and readable.

        ``read`` runs in a thread on the answer's file under a temporary name; its TransientError makes the call be
        tried again. An empty answer (``[]``, ``null``, no body, 404) is not read, and is only accepted where the
        function, or at least the API below the base URL, is proven to exist.

        Raises:
            UnauthorizedError: the credentials are refused; every later call raises it without a request.
            ForbiddenError, RequestError, AnswerError: trying again would not help.
            TransientError: the last attempt failed too.
            OutageError: the circuit has given up.
        """
        asked = Asked(call, top, skip)
        async with self._proofs.undecided(call.function):
            with _part_of(into) as part:
                answer, received = await self._with_retries(asked, part, read)
                if answer.empty:
                    await self._check_exists(asked, received)
                part.replace(into)
                return answer

    async def lookup(
        self,
        function: str,
        parameters: Sequence[tuple[str, str]] = (),
        *,
        report: str = "",
        day: date | None = None,
        documented: bool = True,
    ) -> Any:
        """Return the JSON of a small look-up; an empty answer as ``[]``. Raises as ``get`` does."""
        call = Call(function, tuple(parameters), report, day, documented=documented)
        with TemporaryDirectory(prefix="optimove-") as folder:
            answer = await self.get(call, Path(folder) / "answer", lambda path: LookedUp(read_json(path)))
        return answer.value.value if answer.value is not None else []

    async def last_data_update(self) -> date:
        """Return the latest day with customer data (reference, section 1.9), asked for at most every five minutes."""
        async with self._one_update:
            if self._updated is None or self._clock.monotonic() - self._updated[0] > LAST_DATA_UPDATE_SECONDS:
                answer = await self.lookup(LAST_DATA_UPDATE.function)
                self._updated = (self._clock.monotonic(), _date_in(answer))
            return self._updated[1]

    @property
    def _secrets(self) -> tuple[str, ...]:
        return self._api.secrets + (self._login.secrets if self._login else ())

    async def _with_retries(self, asked: Asked, part: Path, read: Callable[[Path], T]) -> tuple[Answer[T], Received]:
        tries = _Tries()
        while True:
            try:
                answer, received = await self._try(asked, tries, part, read)
            except TransientError as error:
                await self._back_off(error, tries)
                tries.renewed = False
            else:
                if answer is not None:
                    return answer, received
                self._renew_login(asked, received, tries)
            tries.attempt += 1

    async def _try(
        self, asked: Asked, tries: _Tries, part: Path, read: Callable[[Path], T]
    ) -> tuple[Answer[T] | None, Received]:
        """Make one attempt; without an answer the login's token had expired."""
        async with self._slots, self._circuit.passage() as passage:
            self._raise_if_refused()
            await passage.enter()
            async with self._counter.counted(asked.call, asked.query, tries.attempt) as counted:
                await passage.enter()
                self._raise_if_refused()
                try:
                    received = await receive(self._http, self._api.url(asked.call.function), asked, counted, part)
                    if self._login is not None and received.token_expired:
                        return None, received
                    return await self._answer(asked, received, counted, part, read), received
                except UnauthorizedError as error:
                    self._refusal = str(error)
                    raise
                finally:
                    tries.status = counted.status

    async def _answer(
        self, asked: Asked, received: Received, counted: CountedCall, part: Path, read: Callable[[Path], T]
    ) -> Answer[T]:
        content = self._judged(asked, received, counted)
        if content is Content.EMPTY_ARRAY:
            await self._proofs.add(asked.call.function)
        if content is not Content.ROWS:
            counted.rows, counted.outcome = 0, "empty"
            return Answer(None, received.status, empty=True, bytes=received.size)
        value = await self._read(asked, received, counted, part, read)
        await self._proofs.add(asked.call.function)
        counted.rows, counted.outcome = value.rows, "ok"
        return Answer(value, received.status, empty=False, bytes=received.size)

    def _judged(self, asked: Asked, received: Received, counted: CountedCall) -> Content:
        if received.status == httpx.codes.OK:
            counted.outcome = "html" if content_of(received.start) is Content.HTML else "unreadable"
        return judge(asked, received, secrets=self._secrets, proven=self._proofs.any)

    async def _read(
        self, asked: Asked, received: Received, counted: CountedCall, part: Path, read: Callable[[Path], T]
    ) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._readers, read, part)
        except (TransientError, AnswerError) as error:
            counted.outcome = "truncated" if isinstance(error, TransientError) else "unreadable"
            message = f"{failure(asked, received, self._secrets)}: {error}"
            raise type(error)(message) from error

    def _raise_if_refused(self) -> None:
        if self._refusal:
            raise UnauthorizedError(self._refusal)

    async def _back_off(self, error: TransientError, tries: _Tries) -> None:
        attempt = tries.attempt
        if attempt >= self._api.attempts:
            message = f"{error} (given up after {attempt} attempts)"
            raise TransientError(message, retry_after=error.retry_after) from error
        delay = error.retry_after
        if delay is None:
            delay = back_off(attempt, rate_limited=tries.status == httpx.codes.TOO_MANY_REQUESTS, options=self._api)
        logger.warning("%s; attempt %d of %d, the next in %.1f s", error, attempt, self._api.attempts, delay)
        await self._clock.sleep(delay)

    def _renew_login(self, asked: Asked, received: Received, tries: _Tries) -> None:
        if tries.renewed or self._login is None:
            raise ForbiddenError(f"{failure(asked, received, self._secrets)}: refused again right after a new login")
        self._login.expire(received.request)
        tries.renewed = True

    async def _check_exists(self, asked: Asked, received: Received) -> None:
        function = asked.call.function
        if received.status == httpx.codes.NOT_FOUND and not asked.call.documented:
            if not await self._proofs.proven_by_then(function):
                raise unproven(asked, received, self._secrets)
        elif function == LAST_DATA_UPDATE.function:
            raise AnswerError(
                f"{failure(asked, received, self._secrets)}. The API is not at {self._api.base_url}: check "
                "OPTIMOVE_API_URL, prefix included"
            )
        elif not self._proofs.any:
            await self._prove_base_url(asked, received)

    async def _prove_base_url(self, asked: Asked, received: Received) -> None:
        try:
            await self.last_data_update()
        except (AnswerError, ForbiddenError, RequestError) as error:
            raise AnswerError(
                f"{failure(asked, received, self._secrets)}. Nothing proves that this is no data rather than a wrong "
                f"address: {error}"
            ) from error


def _http_client(api: ApiOptions, login: LoginAuth | None) -> httpx.AsyncClient:
    auth = login or (KeyAuth(api.api_key) if api.api_key else None)
    return httpx.AsyncClient(
        auth=auth,
        headers={
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Accept-Encoding": "gzip" if api.gzip else "identity",
            "User-Agent": f"optimove-pipeline/{version('optimove-pipeline')}",
        },
        timeout=api.timeout,
        limits=httpx.Limits(
            max_connections=api.concurrency,
            max_keepalive_connections=api.concurrency,
            keepalive_expiry=KEEP_ALIVE_SECONDS,
        ),
    )


@contextmanager
def _part_of(into: Path) -> Iterator[Path]:
    into.parent.mkdir(parents=True, exist_ok=True)
    part = into.with_name(f"{into.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)


def _date_in(answer: Any) -> date:
    row = answer[0] if isinstance(answer, list) and answer else answer
    values = {key.lower(): value for key, value in row.items()} if isinstance(row, dict) else {}
    try:
        return date.fromisoformat(str(values.get("date"))[:10])
    except ValueError as error:
        raise AnswerError(
            f'{LAST_DATA_UPDATE.function}: expected a date under "Date", got {answer!r:.100}'
        ) from error
