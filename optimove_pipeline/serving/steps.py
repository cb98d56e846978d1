"""What both sides set up for the API connection (reference on delivery, section 3.5)."""

from __future__ import annotations

from collections.abc import Sequence

from optimove_pipeline.targets.connecting import Step, Who
from optimove_pipeline.targets.kinds.api import ApiClient, ApiSettings
from optimove_pipeline.targets.table import Table

DOCUMENT, PAGE = "openapi.json", "api.html"
PREPARED = "make the store, and the documentation of the API to hand over"


def steps_of(name: str, settings: ApiSettings, tables: Sequence[Table]) -> list[Step]:
    """Return the steps, with the tenant's own names."""
    return [
        Step(
            Who.PROGRAM,
            PREPARED,
            f"<data directory>/serving/{name}/{DOCUMENT}\n<data directory>/serving/{name}/{PAGE}",
        ),
        Step(Who.COMPANY, "make the credentials, and set them where the server is started", _credentials(settings)),
        Step(Who.COMPANY, "have the server run always, where Optimove reaches it", _running(name, settings)),
        *_addresses(name, settings),
        Step(Who.OPTIMOVE, "take the address and the credentials, sent apart from each other", _handed(settings)),
        Step(Who.OPTIMOVE, "pull these tables", "\n".join(_told(settings, table) for table in tables)),
        Step(Who.OPTIMOVE, "pull one whole day twice, and compare rows and keys"),
    ]


def _credentials(settings: ApiSettings) -> str:
    references = [each for client in settings.clients for each in (client.key, client.secret) if each]
    signing = [settings.signing_key] if settings.signing_key else []
    return "\n".join(f'export {each.strip("${}")}="$(openssl rand -hex 32)"' for each in [*references, *signing])


def _running(name: str, settings: ApiSettings) -> str:
    tls = "TLS by the server itself" if settings.tls_certificate else "TLS by a proxy in front of it"
    return f"optimove-pipeline serve {name}\nlistens on {settings.listen_on}, {tls}; clients call {settings.base}"


def _addresses(name: str, settings: ApiSettings) -> list[Step]:
    if settings.allow:
        return [Step(Who.COMPANY, "open the firewall for these addresses", "\n".join(settings.allow))]
    return [
        Step(Who.OPTIMOVE, "tell the addresses that you pull from"),
        Step(Who.COMPANY, "allow these addresses and no others", f"targets.{name}.allow: [203.0.113.7]"),
    ]


def _handed(settings: ApiSettings) -> str:
    lines = [f"{settings.base}/v1/tables", f"documentation: {settings.base}/docs and {settings.base}/openapi.json"]
    return "\n".join([*lines, *(line for client in settings.clients for line in _ways(settings, client))])


def _ways(settings: ApiSettings, client: ApiClient) -> list[str]:
    ways = [f"{client.name}: header X-API-Key: {client.key}"] if client.key else []
    if client.secret:
        token = f"{settings.base}/oauth/token"
        ways.append(
            f"{client.name}: OAuth2 client credentials at {token}, client_id {client.name}, secret {client.secret}"
        )
    return ways


def _told(settings: ApiSettings, table: Table) -> str:
    changed = table.changed or "none: the day of the delivery"
    window = "updated_from=2026-11-20T00:00:00Z&updated_to=2026-11-21T00:00:00Z"
    return f"{settings.base}/v1/{table.name}?{window}  (key {', '.join(table.key)}; change column {changed})"
