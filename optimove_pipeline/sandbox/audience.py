"""Rows of customers: the one way in which answers about the customers of a campaign are made."""

from collections.abc import Sequence
from datetime import date

from optimove_pipeline.sandbox.attributes import Attribute, value
from optimove_pipeline.sandbox.customers import customer_id, indexes
from optimove_pipeline.sandbox.executions import Arm, Execution
from optimove_pipeline.sandbox.rows import Row, Segment


def members(
    run: Execution,
    arm: Arm,
    variants: Sequence[Row],
    attributes: Sequence[Attribute] = (),
    chosen: Sequence[int] | None = None,
) -> Segment:
    """One row for each customer of an arm (or of its ``chosen`` positions, counted from 0).

    ``variants`` are the row's other fields; customers take turns at them. Attribute values are those of the
    day of the run.
    """

    def make(positions: Sequence[int]) -> list[Row]:
        found = indexes(run.order, [arm.first + position for position in positions])
        turns = len(variants)
        rows = [
            {"CustomerID": customer_id(index), **variants[position % turns]}
            for index, position in zip(found, positions, strict=True)
        ]
        return with_attributes(rows, found, attributes, run.day)

    return Segment(range(arm.size) if chosen is None else chosen, make)


def with_attributes(rows: list[Row], found: Sequence[int], attributes: Sequence[Attribute], day: date) -> list[Row]:
    """The rows with ``CustomerAttributes``: values in the order asked for, absent when none was asked for."""
    if attributes:
        for row, index in zip(rows, found, strict=True):
            row["CustomerAttributes"] = [value(attribute, index, day) for attribute in attributes]
    return rows
