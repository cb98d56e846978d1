"""From a request to its reply: who is let in, what the limits say, what the tenant knows, which fault is on."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson

from optimove_pipeline.sandbox.answer_cache import AnswerCache
from optimove_pipeline.sandbox.arguments import Arguments, BadRequest
from optimove_pipeline.sandbox.drift import drifted
from optimove_pipeline.sandbox.faults import REPLIES, Script, faulty_page, faulty_rows
from optimove_pipeline.sandbox.functions import FUNCTIONS, Function
from optimove_pipeline.sandbox.limits import Limits
from optimove_pipeline.sandbox.listeners import Listeners
from optimove_pipeline.sandbox.logins import Logins
from optimove_pipeline.sandbox.options import SandboxOptions, tenant_options
from optimove_pipeline.sandbox.removals import remove
from optimove_pipeline.sandbox.replies import Reply, bad_request, not_found, too_many, wrong_method
from optimove_pipeline.sandbox.rows import Row, Segments, every_row, listed
from optimove_pipeline.sandbox.tenant import Tenant

_CACHED_BYTES = 64 * 1024 * 1024
_CALLS_KEPT = 200_000
_LOGIN = "general/login"
_LISTENERS = "general/GetRegisteredEventListeners"
_REMOVAL = "customers/RemoveCustomerPII"
_POSTS = {
    name.lower(): name
    for name in (_LOGIN, "general/RegisterEventListener", "general/UnregisterEventListener", _REMOVAL)
}
_EMPTY = {"array": b"[]", "body": b"", "null": b"null"}


@dataclass(frozen=True, slots=True)
class Request:
    """What of an HTTP request matters: header and parameter names are in lower case."""

    method: str
    path: str
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it is remembered: when it came (epoch seconds), how long it took, what it got."""

    at: float
    function: str
    parameters: Mapping[str, str]
    status: int
    rows: int
    milliseconds: float
    fault: str | None


class Service:
    """The state of one sandbox."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        """Back to the state of the start: date, limits, logins, listeners, faults, and nothing remembered."""
        self.tenant = Tenant(tenant_options(self.options), self.options.today)
        self.limits = Limits(self.options.windows)
        self.logins = Logins(self.options)
        self.listeners = Listeners()
        self.script = Script()
        self.calls: deque[Call] = deque(maxlen=_CALLS_KEPT)
        self.answers = AnswerCache(_CACHED_BYTES)
        self.most_in_flight = self.in_flight

    def begin(self) -> None:
        """A request has arrived; ``end`` is its counterpart."""
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)

    def end(self) -> None:
        """A request has been answered, or its client has gone."""
        self.in_flight -= 1

    def admit(self, request: Request) -> Reply | None:
        """The reply to a request that gets no further; None for one that may be answered."""
        wait = self.limits.arrive()
        refusal = None if is_login(request) else self.logins.refusal(request.headers)
        if refusal:
            return refusal
        if wait:
            return too_many(wait if self.options.retry_after else None)
        return None


def is_login(request: Request) -> bool:
    """Whether the request asks for a token."""
    return function_path(request.path).lower() == _LOGIN


def function_path(path: str) -> str:
    """``section/name`` as documented where the function is known; ``current/`` in front may be left out."""
    bare = path.strip("/")
    if bare.lower().startswith("current/"):
        bare = bare[len("current/") :]
    known = FUNCTIONS.get(bare.lower())
    if bare.lower() == _LISTENERS.lower():
        return _LISTENERS
    return known.path if known else _POSTS.get(bare.lower(), bare)


def reply_to(service: Service, request: Request, fault: str | None) -> Reply:
    """The reply to an admitted request, with the fault in it."""
    if fault == "expired_token":
        service.logins.expire()
    if fault and fault in REPLIES:
        return REPLIES[fault]()
    path = function_path(request.path)
    if path in _POSTS.values():
        reply = _posted(service, request, path)
    elif path == _LISTENERS:
        reply = _rows_reply(service, service.listeners.rows(), Arguments({}), "array")
    elif path.lower() in FUNCTIONS:
        reply = _fetched(service, request, FUNCTIONS[path.lower()], fault)
    else:
        return not_found()
    return replace(reply, body=reply.body[: len(reply.body) // 2]) if fault == "truncated_json" else reply


def _posted(service: Service, request: Request, path: str) -> Reply:
    if request.method != "POST":
        return wrong_method()
    body = _json_object(request.body)
    if body is None:
        return bad_request("The body is not a JSON object.")
    if path == _LOGIN:
        return service.logins.log_in(body)
    if path == _REMOVAL:
        return remove(service.tenant.options.customers, body)
    listeners = service.listeners
    return listeners.unregister(body) if "Unregister" in path else listeners.register(body)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _fetched(service: Service, request: Request, function: Function, fault: str | None) -> Reply:
    if request.method != "GET":
        return wrong_method()
    key = (function.path, tuple(sorted(request.parameters.items())), service.tenant.last_data_update)
    known = None if fault else service.answers.get(key)
    if known:
        return known
    try:
        reply = _computed(service, function, Arguments(request.parameters), fault)
    except BadRequest as problem:
        return bad_request(str(problem))
    if not fault:
        service.answers.put(key, reply)
    return reply


def _computed(service: Service, function: Function, asked: Arguments, fault: str | None) -> Reply:
    answer = function.answer(service.tenant, asked)
    if answer is None:
        return _empty(service.options.empty)
    if isinstance(answer, dict):
        return Reply(200, orjson.dumps(drifted([answer], service.options)[0]), rows=1)
    rows = _page(answer, asked, service.options.page_cap if function.paged else None, fault)
    return _rows_reply(service, faulty_rows(fault, rows), asked, service.options.empty)


def _page(answer: Segments, asked: Arguments, cap: int | None, fault: str | None) -> list[Row]:
    if cap is None:
        rows = listed(every_row(answer))
        return faulty_page(fault, rows, 0, max(1, len(rows[0].positions)))
    top = min(asked.integer("$top", cap), cap)
    return faulty_page(fault, answer, asked.integer("$skip", 0), top)


def _rows_reply(service: Service, rows: list[Row], asked: Arguments, empty: str) -> Reply:
    if not rows:
        return _empty(empty)
    delimiter = asked.values.get("customerattributesdelimiter", ",")
    return Reply(200, orjson.dumps(drifted(rows, service.options, delimiter)), rows=len(rows))


def _empty(style: str) -> Reply:
    return not_found() if style == "404" else Reply(200, _EMPTY[style])
