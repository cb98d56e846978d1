"""Who may pull: addresses, keys, and tokens of OAuth2 client credentials."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass, field
from hmac import compare_digest
from ipaddress import IPv4Network, IPv6Network, ip_address

import jwt
from starlette.datastructures import Headers

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.serving.problems import Problem
from optimove_pipeline.settings.secrets import reveal
from optimove_pipeline.targets.kinds.api import ApiClient, ApiSettings

_ALGORITHM = "HS256"
_LEAST, _LEAST_SIGNING = 16, 32
_NOBODY = b"\0" * 32
_MAPPED = "::ffff:"
"""Proxies that listen for both kinds of addresses tell those of version 4 so."""


@dataclass(frozen=True, slots=True)
class Client:
    """A client; ``key`` and ``secret`` are the SHA-256 of its credentials, which nobody has where it has none."""

    name: str
    requests_per_minute: int
    key: bytes = field(default=_NOBODY, repr=False)
    secret: bytes = field(default=_NOBODY, repr=False)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may pull from the target of that name.

    ``signing_key`` signs tokens, which hold ``token_seconds``; without one there are none. ``networks`` are those
    that may connect, all of them if there are none.
    """

    target: str
    clients: tuple[Client, ...]
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    signing_key: bytes | None = field(default=None, repr=False)
    token_seconds: int = 3600


def access_of(target: str, settings: ApiSettings) -> Access:
    """Return who may pull, with the credentials as they are in the environment now.

    Raises:
        SettingsError: a credential is missing, too short or another client's; the message does not hold it.
    """
    signing = settings.signing_key
    clients = tuple(_client(target, at, client) for at, client in enumerate(settings.clients))
    _must_differ(target, clients)
    return Access(
        target=target,
        clients=clients,
        networks=settings.networks,
        signing_key=_credential(f"targets.{target}.signing_key", signing, _LEAST_SIGNING) if signing else None,
        token_seconds=settings.token_minutes * 60,
    )


def digest(credential: str) -> bytes:
    """Return the hash by which a credential is known."""
    return hashlib.sha256(credential.encode()).digest()


def check_address(access: Access, host: str | None) -> None:
    """Let an address pass, or not.

    Raises:
        Problem: 403: it is none of those that may connect.
    """
    if not access.networks:
        return
    try:
        address = ip_address((host or "").removeprefix(_MAPPED))
    except ValueError:
        allowed = False
    else:
        allowed = any(address in network for network in access.networks)
    if not allowed:
        raise Problem(403, "address_not_allowed", "this address may not connect: have it added to `allow`")


def client_of(access: Access, headers: Headers) -> Client:
    """Return the client that a request comes from.

    Raises:
        Problem: 401: it shows no credential, or one that is not accepted.
    """
    key, bearer = headers.get("x-api-key"), headers.get("authorization", "")
    if key is not None:
        found = _matching(access, digest(key), "key")
    elif bearer[:7].lower() == "bearer ":
        found = _bearer(access, bearer[7:].strip())
    else:
        raise _unauthorized(access, "missing_credential", "send a key as X-API-Key, or a token as a bearer")
    if found is None:
        raise _unauthorized(access, "invalid_credential", "the key or token is wrong, or has expired")
    return found


def token_client(access: Access, authorization: str | None, form: dict[str, str]) -> Client | None:
    """Return the client whose name and secret a request for a token holds, as HTTP Basic or in its form."""
    name, secret = _basic(authorization) if authorization else (form.get("client_id"), form.get("client_secret"))
    found = _matching(access, digest(secret or ""), "secret")
    return found if found is not None and found.name == name else None


def token_for(access: Access, client: Client, signing_key: bytes) -> str:
    """Return a token for a client."""
    now = int(time.time())
    claims = {"sub": client.name, "aud": access.target, "iat": now, "exp": now + access.token_seconds}
    return jwt.encode(claims, signing_key, algorithm=_ALGORITHM)


def _bearer(access: Access, token: str) -> Client | None:
    if access.signing_key is None:
        return None
    needed: jwt.types.Options = {"require": ["sub", "aud", "exp"]}
    try:
        claims = jwt.decode(
            token, access.signing_key, algorithms=[_ALGORITHM], audience=access.target, options=needed
        )
    except jwt.InvalidTokenError:
        return None
    return next((each for each in access.clients if each.name == claims["sub"] and each.secret != _NOBODY), None)


def _matching(access: Access, given: bytes, credential: str) -> Client | None:
    """Return the client with a credential; all are compared, so that the time taken tells nothing."""
    matching = [each for each in access.clients if compare_digest(getattr(each, credential), given)]
    return matching[0] if matching else None


def _basic(authorization: str) -> tuple[str | None, str | None]:
    scheme, _, encoded = authorization.partition(" ")
    try:
        name, colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return None, None
    return (name, secret) if scheme.lower() == "basic" and colon else (None, None)


def _unauthorized(access: Access, code: str, detail: str) -> Problem:
    realm = f'realm="{access.target}"'
    schemes = [f"ApiKey {realm}", *([f"Bearer {realm}"] if access.signing_key else [])]
    return Problem(401, code, detail, {"WWW-Authenticate": ", ".join(schemes)})


def _client(target: str, at: int, client: ApiClient) -> Client:
    place = f"targets.{target}.clients.{at}"
    return Client(
        client.name,
        client.requests_per_minute,
        digest(_credential(f"{place}.key", client.key).decode()) if client.key else _NOBODY,
        digest(_credential(f"{place}.secret", client.secret).decode()) if client.secret else _NOBODY,
    )


def _must_differ(target: str, clients: tuple[Client, ...]) -> None:
    for name in ("key", "secret"):
        given = [credential for client in clients if (credential := getattr(client, name)) != _NOBODY]
        if len({*given}) < len(given):
            raise SettingsError(
                f"targets.{target}.clients: two have the same {name}, so that nobody could tell who pulls: give each "
                "its own"
            )


def _credential(place: str, reference: str, least: int = _LEAST) -> bytes:
    value = reveal(reference)
    if len(value) < least:
        raise SettingsError(
            f"{place}, {reference}: expected at least {least} characters, such as `openssl rand -hex 32` prints"
        )
    return value.encode()
