"""Settings of targets: where feeds are delivered, by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Union

from pydantic import AfterValidator, Discriminator, Tag

from optimove_pipeline.settings.problems import BRANCH
from optimove_pipeline.settings.target import FileTargetSettings, TableTargetSettings
from optimove_pipeline.targets.kinds import KINDS

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _target_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("expected a name of small letters, digits and _, 40 at most, that begins with a letter")
    return text


TargetName = Annotated[str, AfterValidator(_target_name)]


def _branch(value: Any) -> str | None:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"{BRANCH}{kind}" if kind in KINDS else None


if TYPE_CHECKING:
    AnyTarget = FileTargetSettings | TableTargetSettings
else:
    AnyTarget = Annotated[
        Union[tuple(Annotated[settings, Tag(f"{BRANCH}{kind}")] for kind, settings in KINDS.items())],  # noqa: UP007 - their number is not known here
        Discriminator(
            _branch,
            custom_error_type="target_kind",
            custom_error_message=f"expected `kind`, one of {', '.join(sorted(KINDS))}, with that kind's settings",
        ),
    ]
Targets = dict[TargetName, AnyTarget]
