"""The tenant's customers: their ids, and the order in which a day's campaigns draw them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

from optimove_pipeline.sandbox.hashing import generator


def customer_id(index: int) -> str:
    """The id of the customer with this index: text of every kind that a loader could take for a number."""
    match index % 50:
        case 7:
            return f"A{index}"
        case 13:
            return f"00{index}"
        case 21:
            return f"{index}E7"
        case 34:
            return f"Zoë-{index}"
        case _:
            return str(100_000 + index)


@dataclass(frozen=True, slots=True)
class Shuffle:
    """An order of all customers in which any position is found at once."""

    step: int
    first: int
    customers: int


def shuffle(customers: int, *parts: object) -> Shuffle:
    """The order that belongs to the parts (seed, day, purpose)."""
    chance = generator("shuffle", *parts)
    step = max(1, int(customers * (0.55 + 0.1 * chance.random())))
    while gcd(step, customers) != 1:
        step += 1
    return Shuffle(step, chance.randrange(customers), customers)


def indexes(order: Shuffle, positions: Sequence[int]) -> list[int]:
    """The customers at the positions."""
    step, first, customers = order.step, order.first, order.customers
    return [(step * position + first) % customers for position in positions]
