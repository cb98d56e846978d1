"""The HTTP side of the sandbox: the API on every path, and controls under /sandbox."""

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import date
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import orjson
import uvicorn
from isal import igzip
from starlette.applications import Starlette
from starlette.datastructures import Headers, QueryParams
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sandbox.company.settings import company_settings, target_settings
from optimove_pipeline.sandbox.events import notification, notify
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.hashing import generator
from optimove_pipeline.sandbox.on_disk import on_disk, places_of, refresh_company
from optimove_pipeline.sandbox.options import SandboxOptions, today_in_utc
from optimove_pipeline.sandbox.replies import TEXT, Reply, bad_request
from optimove_pipeline.sandbox.service import Call, Request, Service, function_path, reply_to

if TYPE_CHECKING:  # importing it takes a quarter of a second
    from optimove_pipeline.sandbox.receiver.server import Receiver

_LOG = logging.getLogger(__name__)
_GZIP_FROM = 1024
_DROPS = 8
_SECONDS_PER_DROP = 0.1
_LARGE_TENANT = 50_000

Transports = dict[tuple[str, int], asyncio.Transport]


def serve(options: SandboxOptions, on_ready: Callable[[str], None]) -> None:
    """Serve until interrupted; blocks. SIGINT ends it quietly, SIGTERM ends the process.

    Args:
        options: The sandbox's options.
        on_ready: Called once with the base URL (``http://host:port/current``) when the port is open.

    Raises:
        SettingsError: The port is taken or the host is not this machine's.
    """
    service = Service(options)
    listening = _open_port(options)
    with on_disk(service) as receiver, suppress(KeyboardInterrupt):
        _serve(service, receiver, listening, on_ready)


def _serve(
    service: Service, receiver: "Receiver | None", listening: socket.socket, on_ready: Callable[[str], None]
) -> None:
    transports: Transports = {}
    config = uvicorn.Config(
        application(service, transports, receiver),
        http=_protocol(transports),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_keep_alive=600,
        timeout_graceful_shutdown=1,
    )
    host, port = listening.getsockname()[:2]
    url = f"http://{host}:{port}/current"
    _LOG.info("The sandbox of preset %s listens on %s", service.options.preset, url)
    on_ready(url)
    uvicorn.Server(config).run(sockets=[listening])


def application(service: Service, transports: Transports, receiver: "Receiver | None" = None) -> Starlette:
    """The sandbox as an ASGI application. ``transports`` holds the open connections by the client's address."""

    async def health(_: HttpRequest) -> Response:
        return _json({"status": "ok", "last_data_update": service.tenant.last_data_update.isoformat()})

    async def stats(_: HttpRequest) -> Response:
        return _json(_statistics(service))

    async def reset(_: HttpRequest) -> Response:
        service.reset()
        await asyncio.to_thread(refresh_company, service)
        return _json({})

    async def faults(request: HttpRequest) -> Response:
        return await _switch_faults(service, request)

    async def today(request: HttpRequest) -> Response:
        return await _move_today(service, request)

    async def event(request: HttpRequest) -> Response:
        return await _send_event(service, request)

    async def deliveries(_: HttpRequest) -> Response:
        return await asyncio.to_thread(_deliveries, service)

    async def sftp(_: HttpRequest) -> Response:
        return _json(asdict(receiver)) if receiver else _sent(_no_folder())

    async def settings(_: HttpRequest) -> Response:
        places = places_of(service)
        if receiver is None or places is None:
            return _sent(_no_folder())
        company = company_settings(places.company.absolute(), service.tenant.today or today_in_utc())
        return _json({**company, **target_settings(asdict(receiver))})

    return Starlette(
        routes=[
            Route("/sandbox/health", health),
            Route("/sandbox/stats", stats),
            Route("/sandbox/reset", reset, methods=["POST"]),
            Route("/sandbox/faults", faults, methods=["POST"]),
            Route("/sandbox/today", today, methods=["POST"]),
            Route("/sandbox/event", event, methods=["POST"]),
            Route("/sandbox/deliveries", deliveries),
            Route("/sandbox/sftp", sftp),
            Route("/sandbox/settings", settings),
            Mount("/", app=_api(service, transports)),
        ]
    )


def _open_port(options: SandboxOptions) -> socket.socket:
    try:
        return socket.create_server((options.host, options.port), backlog=1024)
    except OSError as problem:
        raise SettingsError(
            f"sandbox port: {options.host}:{options.port} can't be opened ({problem.strerror}); "
            "choose another port, or 0 for any free one"
        ) from problem


def _protocol(transports: Transports) -> type[H11Protocol]:
    class Remembering(H11Protocol):
        """HTTP as usual; the connection can be found by the client's address, to be cut."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            # Head and body go out in two writes: unless sent at once, the second waits for the client's ACK.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transports[transport.get_extra_info("peername")[:2]] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.transport.get_extra_info("peername")[:2], None)
            super().connection_lost(exc)

    return Remembering


def _api(service: Service, transports: Transports) -> ASGIApp:
    chance = generator(service.options.seed, "jitter")

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        service.begin()
        try:
            reply, fault = await answered(_request(scope), receive)
            transport = transports.get(scope["client"])
            if transport:
                await _deliver(reply, fault, transport, receive, send)
        finally:
            service.end()

    async def answered(request: Request, receive: Receive) -> tuple[Reply, str | None]:
        came, began = time(), monotonic()
        refusal = service.admit(request)
        request = replace(request, body=await _body(receive))
        path = function_path(request.path)
        fault = None if refusal else service.script.take(path, request.parameters)
        reply = refusal or await _reply(service, request, fault)
        await asyncio.sleep(service.options.latency + chance.random() * service.options.jitter)
        took = (monotonic() - began) * 1000
        service.calls.append(Call(came, path, request.parameters, reply.status, reply.rows, took, fault))
        return _compressed(reply, request), fault

    return api


def _request(scope: Scope) -> Request:
    query = QueryParams(scope["query_string"])
    return Request(
        scope["method"],
        scope["path"],
        {name.lower(): value for name, value in query.items()},
        dict(Headers(scope=scope).items()),
    )


async def _body(receive: Receive) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)


async def _reply(service: Service, request: Request, fault: str | None) -> Reply:
    """Large tenants' pages are made beside the event loop, so that other calls arrive when they arrive."""
    if service.tenant.options.customers < _LARGE_TENANT:
        return reply_to(service, request, fault)
    return await asyncio.to_thread(reply_to, service, request, fault)


def _compressed(reply: Reply, request: Request) -> Reply:
    if "gzip" not in request.headers.get("accept-encoding", "") or len(reply.body) < _GZIP_FROM:
        return reply
    body = igzip.compress(reply.body, 1)
    return replace(reply, body=body, headers={**reply.headers, "Content-Encoding": "gzip"})


async def _deliver(
    reply: Reply, fault: str | None, transport: asyncio.Transport, receive: Receive, send: Send
) -> None:
    if fault == "timeout":
        await receive()
        return
    if fault == "cut_connection":
        await _cut(transport, receive)
        return
    await send({"type": "http.response.start", "status": reply.status, "headers": _headers(reply)})
    if fault == "cut_body":
        await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
        await _cut(transport, receive)
        return
    if fault == "slow_body":
        await _drip(reply.body, send)
    else:
        await send({"type": "http.response.body", "body": reply.body})


def _headers(reply: Reply) -> list[tuple[bytes, bytes]]:
    headers = {"Content-Type": reply.content_type, "Content-Length": str(len(reply.body)), **reply.headers}
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


async def _cut(transport: asyncio.Transport, receive: Receive) -> None:
    """Close the connection, and wait until the server has noticed."""
    transport.abort()
    await receive()


async def _drip(body: bytes, send: Send) -> None:
    size = max(1, -(-len(body) // _DROPS))
    for first in range(0, len(body), size):
        await asyncio.sleep(_SECONDS_PER_DROP)
        await send({"type": "http.response.body", "body": body[first : first + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _switch_faults(service: Service, request: HttpRequest) -> Response:
    """A list of faults replaces the script; an empty list switches all off."""
    try:
        script = [Fault(**line) for line in orjson.loads(await request.body())]
    except (SettingsError, TypeError, orjson.JSONDecodeError) as problem:
        return _sent(bad_request(f"{problem}"))
    service.script.replace(script)
    return _json({"faults": len(script)})


async def _move_today(service: Service, request: HttpRequest) -> Response:
    """``{"today": "YYYY-MM-DD"}``, or null for the real date."""
    try:
        wanted = orjson.loads(await request.body())["today"]
        day = date.fromisoformat(wanted) if wanted else None
    except (KeyError, TypeError, ValueError):
        return _sent(bad_request('Send {"today": "YYYY-MM-DD"}, or null for the real date.'))
    service.tenant = replace(service.tenant, today=day)
    await asyncio.to_thread(refresh_company, service)
    return _json({"last_data_update": service.tenant.last_data_update.isoformat()})


async def _send_event(service: Service, request: HttpRequest) -> Response:
    """``{"EventTypeID": 3}``, with ``CampaignID`` and ``ChannelID`` where the event has them."""
    try:
        asked = orjson.loads(await request.body())
        event, campaign, channel = int(asked["EventTypeID"]), asked.get("CampaignID"), asked.get("ChannelID")
    except (AttributeError, KeyError, TypeError, ValueError):
        return _sent(bad_request('Send {"EventTypeID": 3}, with CampaignID and ChannelID where the event has them.'))
    statuses = await notify(service.listeners.hearing(event, channel), notification(event, campaign, channel))
    return _json({"statuses": statuses})


def _statistics(service: Service) -> dict[str, Any]:
    calls = service.calls
    return {
        "total": len(calls),
        "rows": sum(call.rows for call in calls),
        "by_status": Counter(str(call.status) for call in calls),
        "by_function": Counter(call.function for call in calls),
        "windows": service.limits.summary(),
        "most_in_flight": service.most_in_flight,
        "logins": service.logins.count,
        "calls": [asdict(call) for call in calls],
    }


def _deliveries(service: Service) -> Response:
    from optimove_pipeline.sandbox.receiver.report import received, received_days

    places = places_of(service)
    if places is None:
        return _sent(_no_folder())
    files = received(places.folder)
    return _json({"files": [asdict(each) for each in files], "days": [asdict(day) for day in received_days(files)]})


def _no_folder() -> Reply:
    return Reply(404, b"This sandbox has no folder, so nothing is delivered to it.", TEXT)


def _sent(reply: Reply) -> Response:
    return Response(reply.body, reply.status, media_type=reply.content_type)


def _json(content: object) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")
