"""The parameters of a request, read as the documentation types them; names are not case-sensitive."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from optimove_pipeline.sandbox.attributes import ATTRIBUTES, Attribute

_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class BadRequest(Exception):
    """A parameter is missing or malformed: the answer is HTTP 400 with this text."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """Parameter values by name in lower case."""

    values: Mapping[str, str]

    def text(self, name: str) -> str:
        """A required value as it came."""
        value = self.values.get(name.lower())
        if not value:
            raise BadRequest(f"The parameter {name} is required.")
        return value

    def has(self, name: str) -> bool:
        """Whether an optional parameter was sent with a value."""
        return bool(self.values.get(name.lower()))

    def integer(self, name: str, default: int | None = None) -> int:
        """An integer, 0 or more; required unless there is a default."""
        if default is not None and not self.has(name):
            return default
        value = self.text(name)
        if not (value.isascii() and value.isdigit()):
            raise BadRequest(f"The parameter {name} is not an integer.")
        return int(value)

    def integers(self, name: str) -> tuple[int, ...]:
        """Integers joined by commas."""
        parts = [part.strip() for part in self.text(name).split(",")]
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise BadRequest(f"The parameter {name} is not a list of integers.")
        return tuple(int(part) for part in parts)

    def day(self, name: str) -> date:
        """A date; a time after it is let pass (the portal types dates as date-time)."""
        try:
            return date.fromisoformat(self.text(name)[:10])
        except ValueError:
            raise BadRequest(f"The parameter {name} is not a date (YYYY-MM-DD).") from None

    def flag(self, name: str) -> bool:
        """A flag that is false unless sent."""
        value = self.values.get(name.lower()) or "false"
        if value.lower() not in _FLAGS:
            raise BadRequest(f"The parameter {name} is not a boolean.")
        return _FLAGS[value.lower()]

    def attributes(self) -> tuple[Attribute, ...]:
        """The customer attributes asked for, joined by semicolons (reference, section 1.8)."""
        names = [name.strip() for name in self.values.get("customerattributes", "").split(";")]
        return tuple(_attribute(name) for name in names if name)

    def attribute(self, name: str) -> Attribute:
        """One customer attribute named by a required parameter."""
        return _attribute(self.text(name))


def _attribute(name: str) -> Attribute:
    if name not in ATTRIBUTES:
        raise BadRequest(f"{name} is not a customer attribute.")
    return ATTRIBUTES[name]
