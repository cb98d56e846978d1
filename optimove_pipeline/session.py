"""A session: everything that a run works with, opened from the settings and closed with it.

The folders below the data directory: ``warehouse.duckdb``, ``landing``, ``staging``, ``look-ups``, ``calls`` (on
their way to ``ops.api_calls``) and ``state`` (the budget; which functions are known to exist).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

from optimove_pipeline import packages
from optimove_pipeline.background_loop import BackgroundLoop
from optimove_pipeline.call_journal import CallJournal
from optimove_pipeline.config import SANDBOX_KEY, Settings
from optimove_pipeline.datasets.snapshots import Snapshots
from optimove_pipeline.errors import ForbiddenError, PipelineError, SettingsError, TransientError
from optimove_pipeline.files import write_atomically
from optimove_pipeline.optimove.budget import (
    Budget,
    CallClass,
    FileStore,
    PostgresStore,
    Store,
    Window,
    client_id,
    open_budget,
)
from optimove_pipeline.optimove.client import Optimove
from optimove_pipeline.optimove.options import ApiOptions, CircuitOptions, Login
from optimove_pipeline.reports.extraction import Extraction, Outcome
from optimove_pipeline.reports.landing import Landing
from optimove_pipeline.reports.lookups import Lookups
from optimove_pipeline.reports.paging import PagingRule
from optimove_pipeline.reports.report import Report
from optimove_pipeline.settings.reports import Filters
from optimove_pipeline.settings.secrets import expand, reveal
from optimove_pipeline.staging import Staging

BRIEF_ATTEMPTS = 2
"""Attempts of a call whose answer is waited for."""

T = TypeVar("T")


def never(_: str) -> bool:
    """Say of no other run that its landed answers may be used."""
    return False


class Session:
    """The API of one tenant and the places of its data, for one run in one process.

    Raises SettingsError when it is made, if a credential or the base URL is missing or can't work, or if the data
    directory holds the data of another API. Nothing is written before the first report or ``last_data_update``.
    """

    def __init__(
        self,
        settings: Settings,
        run_id: str,
        *,
        call_class: CallClass = CallClass.DAILY,
        resumable: Callable[[str], bool] = never,
        patience_seconds: float | None = None,
    ) -> None:
        """``patience_seconds`` is how long ``ask`` may take, budget and retries included; None: no limit."""
        self.settings = settings
        self.run_id = run_id
        self.staging = Staging(settings.data_dir / "staging")
        self.landing = Landing(settings.data_dir / "landing")
        self.journal = CallJournal(settings.data_dir / "calls", run_id)
        self.sources = Snapshots(settings)
        self._call_class = call_class
        self._resumable = resumable
        self._patience = patience_seconds
        self._options = api_options(settings)
        check_owner(settings, self._options)
        self._refusal: PipelineError | None = None
        self._loop: BackgroundLoop | None = None
        self._budget: Budget | None = None
        self._extraction: Extraction | None = None

    def last_data_update(self) -> date:
        """Return the latest day that the API has data of; asking proves address and credentials.

        Raises:
            ApiError: the address or the credentials are wrong, or the API does not answer.
        """
        return self.ask(lambda client: client.last_data_update())

    def ask(self, work: Callable[[Optimove], Coroutine[Any, Any, T]]) -> T:
        """Return what ``work`` gets from the API's client. Raises as ``last_data_update`` does."""
        loop, extraction = self._opened()
        return loop.run(self._patiently(work(extraction.client)))

    def extract(self, report: Report, days: Sequence[date], filters: Filters | None = None) -> Outcome:
        """Extract a report for all days together; see ``Extraction.run``. Raises as ``last_data_update`` does.

        ``filters`` take the place of the settings' for this time.
        """
        if not days:
            return Outcome()
        loop, extraction = self._opened()
        return loop.run((extraction if filters is None else extraction.narrowed(filters)).run(report, days))

    @property
    def waited_seconds(self) -> float:
        """Seconds that calls of this session have waited for the budget so far."""
        return 0.0 if self._budget is None else self._budget.usage.waited_seconds

    def close(self) -> None:
        """Close connections and files, and remove what has been kept long enough; safe to call twice."""
        self.sources.close()
        self.journal.close()
        self.landing.sweep(self.settings.retention.landing_days)
        self.staging.sweep(self.settings.retention.staging_days)
        packages.sweep(self.settings.packages_folder, self.settings.retention.package_days)
        if self._loop is not None:
            if self._extraction is not None and self._budget is not None:
                self._loop.run(_close(self._extraction.client, self._budget))
            self._loop.close()
            self._loop = None
            self._extraction = None

    def _opened(self) -> tuple[BackgroundLoop, Extraction]:
        """Open the client with the first report, so that stages that make no call ask the API nothing."""
        if self._refusal is not None:
            raise self._refusal
        self._loop = loop = self._loop or BackgroundLoop()
        if self._extraction is None:
            try:
                self._extraction = loop.run(self._patiently(self._open()))
            except PipelineError as error:
                # Every report would meet it, after as many attempts.
                self._refusal = error
                raise
        return loop, self._extraction

    async def _patiently(self, work: Coroutine[Any, Any, T]) -> T:
        limit = asyncio.timeout(self._patience)
        try:
            async with limit:
                return await work
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TransientError(
                f"{self._options.base_url} gave no answer within {self._patience:g} s, of which "
                f"{self.waited_seconds:.0f} s were spent waiting for the budget of calls"
            ) from error

    async def _open(self) -> Extraction:
        settings = self.settings
        self._budget = open_budget(
            budget_store(settings, self._options),
            client_of(self._options),
            windows=windows(settings),
            call_class=self._call_class,
            reserve=settings.budget.backfill_reserve,
            guard=settings.budget.guard_seconds,
        )
        client = Optimove(self._options, self._budget, self.journal.record)
        await client.__aenter__()
        try:
            await _check(client, self._options.base_url)
        except BaseException:
            await _close(client, self._budget)
            raise
        claim_data_dir(settings, self._options)
        return Extraction(
            settings=settings,
            client=client,
            staging=self.staging,
            landing=self.landing,
            lookups=lookups_of(settings, client),
            rule=PagingRule(settings.api.page_size, settings.api.stop_at),
            run_id=self.run_id,
            resumable=self._resumable,
        )


def ask_briefly(
    settings: Settings,
    purpose: str,
    work: Callable[[Optimove], Coroutine[Any, Any, T]],
    *,
    patience_seconds: float | None = None,
) -> T:
    """Ask the API something in a session of its own, with few attempts, for someone who waits for the answer.

    ``purpose`` takes the place of the run's id in the record of calls. Raises as ``Session`` and ``Session.ask`` do.
    """
    impatient = settings.api.model_copy(update={"attempts": BRIEF_ATTEMPTS})
    session = Session(settings.model_copy(update={"api": impatient}), purpose, patience_seconds=patience_seconds)
    try:
        return session.ask(work)
    finally:
        session.close()


def lookups_of(settings: Settings, client: Optimove | None) -> Lookups:
    """Return the look-ups of today in the tenant's time zone; without a client only those that are kept."""
    return Lookups(client, settings.data_dir / "look-ups", lambda: datetime.now(settings.zone).date())


async def _check(client: Optimove, base_url: str) -> None:
    try:
        await client.last_data_update()
    except ForbiddenError:
        # A key may be refused this function alone; the address and the key are right then.
        return
    except TransientError as error:
        raise TransientError(
            f"{error}. The API at {base_url} gives no answer: check OPTIMOVE_API_URL and the network, or try later"
        ) from error


async def _close(client: Optimove, budget: Budget) -> None:
    await client.__aexit__(None, None, None)
    await budget.aclose()


def claim_data_dir(settings: Settings, options: ApiOptions) -> None:
    """Note whose data the data directory holds, once the API has answered. Raises as ``check_owner`` does."""
    file = _owner_file(settings)
    if not file.exists():
        write_atomically(file, json.dumps({"api": _owner(settings, options)}).encode())
    check_owner(settings, options)


def check_owner(settings: Settings, options: ApiOptions) -> None:
    """Keep the data of two tenants, or of a tenant and the sandbox, from getting into one warehouse.

    Raises:
        SettingsError: the data directory holds the data of another API.
    """
    owner = _owner(settings, options)
    file = _owner_file(settings)
    held = json.loads(file.read_bytes())["api"] if file.exists() else owner
    if held != owner:
        raise SettingsError(
            f"{settings.data_dir} holds the data of {held}, the settings name {owner}: set OPTIMOVE_DATA_DIR to "
            "another folder, or remove this one if its data are not needed"
        )


def _owner(settings: Settings, options: ApiOptions) -> str:
    return "the sandbox" if settings.sandbox else options.base_url.rstrip("/").lower()


def _owner_file(settings: Settings) -> Path:
    return settings.data_dir / "state" / "tenant.json"


def api_options(settings: Settings) -> ApiOptions:
    """Return the client's options.

    Raises:
        SettingsError: the environment lacks a variable that the settings refer to, or a value can't work.
    """
    api = settings.api
    login = Login(reveal(api.login.username), SecretStr(reveal(api.login.password))) if api.login else None
    key = SANDBOX_KEY if settings.sandbox else reveal(api.key) if api.key and not login else None
    return ApiOptions(
        base_url=expand(api.url),
        api_key=None if key is None else SecretStr(key),
        login=login,
        timeout_seconds=api.timeout_seconds,
        concurrency=api.concurrency,
        attempts=api.attempts,
        circuit=CircuitOptions(failures=api.circuit_failures),
        proofs=settings.data_dir / "state" / "functions.json",
    )


def client_of(options: ApiOptions) -> str:
    """Return the id under which the budget counts this client's calls."""
    return client_id(options.base_url, options.secrets[0])


def windows(settings: Settings) -> tuple[Window, ...]:
    """Return the rate limits of the settings."""
    return tuple(Window(limit.calls, limit.seconds) for limit in settings.budget.windows)


def budget_store(settings: Settings, options: ApiOptions) -> Store:
    """Return where the budget is kept: PostgreSQL if the settings name one, or a file in the data directory."""
    if settings.budget.database:
        return PostgresStore(reveal(settings.budget.database))
    path: Path = settings.data_dir / "state" / f"budget-{client_of(options)}.sqlite"
    return FileStore(path)
