"""Having Optimove remove the personal data of customers (reference on delivery, sections 3.8 and 4.5)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from optimove_pipeline.errors import AnswerError, RequestError
from optimove_pipeline.optimove.answers import read_json
from optimove_pipeline.optimove.calls import Call
from optimove_pipeline.optimove.client import LookedUp, Optimove

REMOVE = "customers/RemoveCustomerPII"

MOST_CUSTOMERS = 50_000
"""Most ids of one call (reference on delivery, section 3.8)."""


async def remove_customers(client: Optimove, ids: Sequence[str]) -> list[str]:
    """Have the personal data of customers removed; return the ids of which the API says that it failed.

    It fails for a customer that Optimove has never had
    (https://developer.optimove.com/reference/post_customers-removecustomerpii). Asking again is safe: customers that
    were removed before do not count as failed.

    Raises:
        ApiError: the API refuses a call or does not answer; those before it were carried out. No message holds an id.
    """
    failed: list[str] = []
    for start in range(0, len(ids), MOST_CUSTOMERS):
        failed += await _remove(client, tuple(ids[start : start + MOST_CUSTOMERS]))
    return failed


async def _remove(client: Optimove, ids: tuple[str, ...]) -> list[str]:
    call = Call(REMOVE, body=(("CustomerIDs", ids),), private=True)
    with TemporaryDirectory(prefix="optimove-") as folder:
        answer = await client.get(call, Path(folder) / "answer", lambda path: LookedUp(read_json(path)))
    if not 200 <= answer.status < 300:
        raise RequestError(f"{REMOVE}: the API answers {answer.status}: ask Optimove whether the account has it")
    return _failed(answer.value.value) if answer.value is not None else []


def _failed(body: object) -> list[str]:
    """Return the ids of an answer: an empty array, or an object that lists those that failed."""
    if body == []:
        return []
    fields = {str(name).lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
    failed = fields.get("failedcustomerids")
    if not isinstance(failed, list):
        raise AnswerError(f"{REMOVE}: expected an empty array or FailedCustomerIDs, got {type(body).__name__}")
    return [str(each) for each in failed]
