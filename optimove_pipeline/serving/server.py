"""The server: one process that serves an API target until it is told to end."""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import uvicorn

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.prompt_requests import PromptHeads
from optimove_pipeline.serving.app import Served, application
from optimove_pipeline.targets.kinds.api import ApiSettings

_MOST_CONNECTIONS = 256
_GRACE_SECONDS = 30
"""How long pages under way may take to end once the server is told to."""


def serve(served: Served, target: str, port: int | None, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; blocks. Pages under way are sent to their end.

    ``port`` takes the place of the settings'; 0 is any free one. ``on_ready`` is called once with the address when
    the port is open.

    Raises:
        SettingsError: the port can't be opened, or the certificate and its key can't be used.
    """
    settings = served.settings
    tls = _tls(settings, target)
    listening = _open_port(settings, target, settings.port if port is None else port)
    config = uvicorn.Config(
        application(served),
        http=PromptHeads,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # the application keeps its own, which holds no cursors
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=",".join(settings.trusted_proxies),
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        **tls,
    )
    host, opened = listening.getsockname()[:2]
    on_ready(f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{opened}")
    # The server ends its pages on either signal, and then hands it on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])


def _tls(settings: ApiSettings, target: str) -> Mapping[str, Any]:
    if settings.tls_certificate is None or settings.tls_key is None:
        return {}
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            settings.tls_certificate, settings.tls_key
        )
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"targets.{target}.tls_certificate and tls_key: {settings.tls_certificate} and {settings.tls_key} "
            f"can't be used ({error.strerror or type(error).__name__}): expected a certificate and its key, as PEM"
        ) from None
    return {"ssl_certfile": str(settings.tls_certificate), "ssl_keyfile": str(settings.tls_key)}


def _open_port(settings: ApiSettings, target: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, port), family=family, backlog=256)
    except OSError as error:
        raise SettingsError(
            f"targets.{target}.listen_on: {settings.host}:{port} can't be opened ({error.strerror}); choose another "
            "port, or an address of this machine"
        ) from error
