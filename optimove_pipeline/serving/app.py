"""The API as an ASGI application (reference on delivery, section 3.5)."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optimove_pipeline.errors import PipelineError, SettingsError
from optimove_pipeline.prompt_requests import BodyError, body_of
from optimove_pipeline.serving.access import Access, Client, check_address, client_of, token_client, token_for
from optimove_pipeline.serving.asking import Ask, ask_of, asked_day, parameters
from optimove_pipeline.serving.connections import Connections
from optimove_pipeline.serving.described import Described, as_document
from optimove_pipeline.serving.docs_page import as_html
from optimove_pipeline.serving.limits import LoginLimit, PageLimit, RequestLimit
from optimove_pipeline.serving.openapi import document
from optimove_pipeline.serving.pages import Page, make_page
from optimove_pipeline.serving.problems import Problem, as_response
from optimove_pipeline.serving.readiness import DayReadiness
from optimove_pipeline.serving.sending import SentPage
from optimove_pipeline.serving.store import held_columns
from optimove_pipeline.targets.kinds.api import ApiSettings
from optimove_pipeline.targets.table import Table

_HEALTH = "/healthz"
_OWN_NAMES = {"readiness", "tables"}
_MOST_FORM = 16 * 1024

ClientEndpoint = Callable[[Request, Client], Awaitable[ASGIApp]]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """What the application serves: tables by name, to whom, from which store, and how a day's readiness is told."""

    settings: ApiSettings
    access: Access
    tables: Mapping[str, Table]
    store: Connections
    readiness: Callable[[date | None], DayReadiness]


def tables_by_name(tables: list[Table]) -> dict[str, Table]:
    """Return tables by the name that is the end of their path.

    Raises:
        SettingsError: two have one name, or one has a name that the API needs itself.
    """
    named: dict[str, Table] = {}
    for table in tables:
        if table.name in named or table.name in _OWN_NAMES:
            other = named[table.name].feed if table.name in named else "the API itself"
            raise SettingsError(
                f"packages.each.{table.feed}.table: {table.name} is the name of {other} too; give it one of its own"
            )
        named[table.name] = table
    return named


def application(served: Served) -> ASGIApp:
    """Return the application; it closes the store's connections when it ends."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        served.store.close()

    requests = RequestLimit()
    routes = [*_open_routes(served, requests), *_client_routes(served, requests)]
    handlers: Mapping[Any, Any] = {
        Problem: _refused,
        HTTPException: _not_routed,
        PipelineError: _unavailable,
        sqlite3.Error: _unavailable,
    }
    return _guarded(served, Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan))


def _open_routes(served: Served, requests: RequestLimit) -> list[Route]:
    """Return the routes that need no credential: they hold nothing of customers."""
    logins = LoginLimit()

    async def health(request: Request) -> Response:
        parameters(request.query_params, ())
        return _json({"status": "ok"})

    async def openapi(_: Request) -> Response:
        return _json(await asyncio.to_thread(_document, served))

    async def docs(_: Request) -> Response:
        return HTMLResponse(as_html(await asyncio.to_thread(_document, served)))

    async def token(request: Request) -> Response:
        return await _token(served.access, request, requests, logins)

    routes = [Route(_HEALTH, health), Route("/openapi.json", openapi), Route("/docs", docs)]
    return [*routes, *([Route("/oauth/token", token, methods=["POST"])] if served.access.signing_key else [])]


def _client_routes(served: Served, requests: RequestLimit) -> list[Route]:
    pages = PageLimit(served.settings.pages_at_once)

    def route(path: str, endpoint: ClientEndpoint) -> Route:
        async def admitted(request: Request) -> ASGIApp:
            client = client_of(served.access, request.headers)
            request.scope["client_name"] = client.name
            requests.take(client)
            return await endpoint(request, client)

        # Starlette calls what an endpoint returns, of which it knows responses only.
        return Route(path, admitted, methods=["GET"])

    async def readiness(request: Request, _: Client) -> Response:
        day = asked_day(request.query_params)
        try:
            return _json(asdict(await asyncio.to_thread(served.readiness, day)))
        except OverflowError:
            raise Problem(400, "invalid_date", "date: there is no day before or after it") from None

    async def tables(request: Request, _: Client) -> Response:
        parameters(request.query_params, ())
        told = [await asyncio.to_thread(_told, served, table) for table in served.tables.values()]
        return _json({"tables": [{name: each[name] for name in each if name != "columns"} for each in told]})

    async def schema(request: Request, _: Client) -> Response:
        parameters(request.query_params, ())
        return _json(await asyncio.to_thread(_told, served, _table(served, request)))

    async def page(request: Request, _: Client) -> ASGIApp:
        table = _table(served, request)
        ask = ask_of(request.query_params, request.headers, served.settings.most_rows)
        pages.take()
        try:
            made = await asyncio.to_thread(_page, served, table, ask)
        except BaseException:
            pages.give_back()
            raise
        return SentPage(made, _link(served, table, made, ask), pages.give_back)

    return [
        route("/v1/readiness", readiness),
        route("/v1/tables", tables),
        route("/v1/{table}", page),
        route("/v1/{table}/schema", schema),
    ]


def _table(served: Served, request: Request) -> Table:
    name = request.path_params["table"]
    if name not in served.tables:
        raise Problem(404, "unknown_table", "there is no such table: /v1/tables lists them")
    return served.tables[name]


def _page(served: Served, table: Table, ask: Ask) -> Page:
    with served.store.lent() as connection:
        return make_page(connection, table.feed, ask, served.settings.cursor_hours * 3600.0, time.time())


def _link(served: Served, table: Table, page: Page, ask: Ask) -> dict[str, str]:
    """Return the header that names the next page, by its path at the address that clients call."""
    if page.cursor is None:
        return {}
    query = urlencode({"cursor": page.cursor, "limit": ask.most})
    return {"Link": f'<{urlsplit(served.settings.base).path}/v1/{table.name}?{query}>; rel="next"'}


def _described(served: Served, table: Table) -> Described:
    with served.store.lent() as connection:
        return Described(table, held_columns(connection, table.feed) or {})


def _told(served: Served, table: Table) -> dict[str, Any]:
    return as_document(_described(served, table), served.settings.decimals)


def _document(served: Served) -> dict[str, Any]:
    tables = [_described(served, table) for table in served.tables.values()]
    return document(served.access, served.settings, tables, version("optimove-pipeline"))


async def _token(access: Access, request: Request, requests: RequestLimit, logins: LoginLimit) -> Response:
    """Return a token for a client's credentials (RFC 6749, section 4.4)."""
    address = request.client.host if request.client else ""
    logins.check(address)
    try:
        form = await _form(request)
    except BodyError as error:
        return _token_refused(400, "invalid_request", str(error))
    if form is None or form.get("grant_type") != "client_credentials":
        return _token_refused(400, "unsupported_grant_type", "expected a form with grant_type=client_credentials")
    client = token_client(access, request.headers.get("authorization"), form)
    if client is None or access.signing_key is None:
        logins.failure(address)
        return _token_refused(401, "invalid_client", "the client's id or secret is wrong")
    request.scope["client_name"] = client.name
    requests.take(client)
    token = token_for(access, client, access.signing_key)
    body = {"access_token": token, "token_type": "Bearer", "expires_in": access.token_seconds}
    return _json(body, headers={"Cache-Control": "no-store"})


async def _form(request: Request) -> dict[str, str] | None:
    body = await body_of(request, _MOST_FORM)
    try:
        return dict(parse_qsl(body.decode(), strict_parsing=True))
    except ValueError:
        return None


def _token_refused(status: int, error: str, description: str) -> Response:
    headers = {"WWW-Authenticate": 'Basic realm="token"'} if status == 401 else {}
    return _json({"error": error, "error_description": description}, status, headers)


def _json(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    body = orjson.dumps(content, option=orjson.OPT_UTC_Z)
    return Response(body, status, dict(headers or {}), "application/json")


async def _refused(_: Request, problem: Problem) -> Response:
    return as_response(problem)


async def _not_routed(_: Request, error: HTTPException) -> Response:
    code = {404: "unknown_path", 405: "method_not_allowed"}.get(error.status_code, "refused")
    detail = {404: "there is no such path: see /docs", 405: "this path is not for that method"}
    told = detail.get(error.status_code, error.detail)
    return as_response(Problem(error.status_code, code, told, error.headers or {}))


async def _unavailable(_: Request, error: Exception) -> Response:
    logger.error("A request failed: %s", error)
    return as_response(Problem(503, "store_unavailable", "try again in a moment", {"Retry-After": "5"}))


def _guarded(served: Served, app: ASGIApp) -> ASGIApp:
    """Return the application behind the check of addresses, with each request in the log."""
    known = {_HEALTH, "/openapi.json", "/docs", "/oauth/token", *(f"/v1/{name}" for name in _OWN_NAMES)}
    known |= {f"/v1/{name}{end}" for name in served.tables for end in ("", "/schema")}

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            if scope["path"] != _HEALTH:
                check_address(served.access, scope["client"][0] if scope["client"] else None)
            await app(scope, receive, noting)
        except Problem as problem:
            await as_response(problem)(scope, receive, noting)
        finally:
            # Neither parameters nor unknown paths are told: they may hold keys and ids of customers.
            path = scope["path"] if scope["path"] in known else "an unknown path"
            told = (scope["method"], path, scope.get("client_name", "nobody"), status, time.monotonic() - began)
            logger.info("%s %s of %s: %d in %.3f s", *told)

    return guarded
