"""Answers about all customers as of the last data update: reports 5 and 6 (reference, section 2)."""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

from optimove_pipeline.sandbox.arguments import Arguments, BadRequest
from optimove_pipeline.sandbox.attributes import (
    STAGE_PERIOD,
    STAGES,
    Attribute,
    changed,
    newcomers,
    stage,
    value,
)
from optimove_pipeline.sandbox.audience import with_attributes
from optimove_pipeline.sandbox.customers import customer_id
from optimove_pipeline.sandbox.hashing import mix, salt
from optimove_pipeline.sandbox.rows import Row, Segment, Segments
from optimove_pipeline.sandbox.tenant import Tenant


def attribute_changers(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 5. Values of the previous day and of the last day with data; null before for a new customer."""
    attribute, others = asked.attribute("ChangedCustomerAttribute"), asked.attributes()
    customers, day = tenant.options.customers, tenant.last_data_update
    moved, new = changed(attribute, customers, day), newcomers(customers, day)
    if not tenant.knows(day):
        return ()

    def make(found: Sequence[int]) -> list[Row]:
        rows = [_change(attribute, index, day, is_new=index in new) for index in found]
        return with_attributes(rows, found, others, day)

    appeared = [index for index in new if index not in moved and value(attribute, index, day) is not None]
    return (Segment(moved, make), Segment(appeared, make))


def future_values(tenant: Tenant, asked: Arguments) -> Segments:
    """Report 6. By lifecycle stages, or by one attribute and value; both at once are refused."""
    by_stage, by_attribute = asked.has("LifecycleStageID"), asked.has("CustomerAttribute")
    if by_stage == by_attribute:
        raise BadRequest("Send either LifecycleStageID or CustomerAttribute with CustomerAttributeValue.")
    day = tenant.last_data_update
    if not tenant.knows(day):
        return ()
    if by_attribute:
        attribute, wanted = asked.attribute("CustomerAttribute"), asked.text("CustomerAttributeValue")
        return (_future_values(tenant, _with_value(tenant, attribute, wanted, day), day),)
    ids = asked.integers("LifecycleStageID")
    remainders = [remainder for remainder in range(STAGE_PERIOD) if stage(remainder, day) in ids]
    customers = tenant.options.customers
    return tuple(_future_values(tenant, range(first, customers, STAGE_PERIOD), day) for first in remainders)


def lifecycle_stages() -> list[Row]:
    """The look-up of stages."""
    return [{"StageID": number, "StageName": name} for number, name in enumerate(STAGES, 1)]


def _change(attribute: Attribute, index: int, day: date, *, is_new: bool) -> Row:
    before = None if is_new else value(attribute, index, day - timedelta(days=1))
    return {
        "CustomerID": customer_id(index),
        "InitialCustomerAttribute": before,
        "FinalCustomerAttribute": value(attribute, index, day),
    }


@lru_cache(maxsize=8)
def _with_value(tenant: Tenant, attribute: Attribute, wanted: str, day: date) -> Sequence[int]:
    return [index for index in range(tenant.options.customers) if value(attribute, index, day) == wanted]


def _future_values(tenant: Tenant, found: Sequence[int], day: date) -> Segment:
    salt_ = salt(tenant.options.seed, "future value", day)

    def make(part: Sequence[int]) -> list[Row]:
        return [
            {"CustomerID": customer_id(index), "FutureValue": mix(index, salt_) % 200_000 / 100} for index in part
        ]

    return Segment(found, make)
