"""Numbers that look random and are a function of their arguments, the same in every process."""

import random
from functools import lru_cache
from hashlib import blake2b

_MASK = (1 << 64) - 1


@lru_cache(maxsize=65_536)
def salt(*parts: object) -> int:
    """64 bits that depend on all the parts."""
    text = ":".join(str(part) for part in parts)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def mix(number: int, salt_: int) -> int:
    """32 well scattered bits from a number and a salt; cheap enough to be called for every row."""
    scattered = ((number ^ salt_) * 0x9E3779B97F4A7C15) & _MASK
    scattered ^= scattered >> 29
    return ((scattered * 0xBF58476D1CE4E5B9) & _MASK) >> 32


def generator(*parts: object) -> random.Random:
    """A random generator that starts at a state given by the parts."""
    return random.Random(salt(*parts))
