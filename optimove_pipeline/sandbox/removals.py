"""Removal of customers' personal data (reference on delivery, section 3.8): taken, and told of whom it failed."""

import re
from collections.abc import Mapping

import orjson

from optimove_pipeline.sandbox.customers import customer_id
from optimove_pipeline.sandbox.replies import Reply, bad_request

MOST_CUSTOMERS = 50_000

_NUMBER = re.compile(r"[0-9]+")


def remove(customers: int, body: Mapping[str, object]) -> Reply:
    """The answer to ``customers/RemoveCustomerPII``: an empty array, or the ids that the tenant has never had.

    Args:
        customers: How many customers the tenant has.
        body: The request's JSON object.
    """
    ids = body.get("CustomerIDs")
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        return bad_request("CustomerIDs is required: an array of strings.")
    if len(ids) > MOST_CUSTOMERS:
        return bad_request(f"A maximum of {MOST_CUSTOMERS} customer IDs may be included in one call.")
    failed = [each for each in ids if not _is_known(customers, each)]
    return Reply(200, orjson.dumps({"FailedCustomerIDs": failed} if failed else []))


def _is_known(customers: int, each: str) -> bool:
    found = _NUMBER.search(each)
    if found is None:
        return False
    indexes = (int(found[0]), int(found[0]) - 100_000)
    return any(0 <= index < customers and customer_id(index) == each for index in indexes)
