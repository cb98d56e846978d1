"""Where Optimove sends its events: what is registered, and registering (reference, section 1.9)."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from optimove_pipeline.errors import RequestError
from optimove_pipeline.optimove.answers import read_json
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.optimove.client import Answer, LookedUp, Optimove

REGISTERED = "general/GetRegisteredEventListeners"
REGISTER = "general/RegisterEventListener"


class Event(IntEnum):
    """The events that tell of data (reference, section 1.9)."""

    CAMPAIGNS_PROCESSED = 2
    DAY_COMPLETED = 3
    CHANNEL_EXECUTED = 13


async def registered_listeners(client: Optimove) -> list[dict[str, Any]]:
    """Return what the API tells of each listener, as it comes: no source shows an answer (reference, section 3).

    Raises:
        ApiError: the API does not answer, or this credential or account has no such function.
    """
    found = await client.lookup(REGISTERED, documented=False)
    rows = found if isinstance(found, list) else [found]
    return [row if isinstance(row, dict) else {"listener": row} for row in rows]


async def register_listener(client: Optimove, event: int, url: str, secret: str) -> None:
    """Register ``url`` for the events of a type; it takes the place of a listener that was there.

    ``secret`` is the part of ``url`` that no message may show.

    Raises:
        ApiError: the API refuses it or does not answer.
    """
    call = Call(REGISTER, body=(("EventTypeID", event), ("ListenerURL", url)), secrets=(secret,))
    with TemporaryDirectory(prefix="optimove-") as folder:
        answer = await client.get(call, Path(folder) / "answer", lambda path: LookedUp(read_json(path)))
    if not 200 <= _code(answer) < 300:
        raise RequestError(f"{REGISTER}, event {event}: the API answers {_code(answer)} and has not registered it")


def _code(answer: Answer[LookedUp]) -> int:
    """Return the answer's own ``ResponseCode``, which fixtures show, or else the HTTP status."""
    body = answer.value.value if answer.value is not None else None
    code = body.get("ResponseCode") if isinstance(body, dict) else None
    return code if isinstance(code, int) else answer.status
