"""Settings of targets: where feeds are delivered, by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Union

from pydantic import AfterValidator, Tag

from optimove_pipeline.settings.branches import BRANCH, by_kind
from optimove_pipeline.settings.target import FileTargetSettings, TableTargetSettings
from optimove_pipeline.targets.kinds import KINDS

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


def _target_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("expected a name of small letters, digits and _, 40 at most, that begins with a letter")
    return text


TargetName = Annotated[str, AfterValidator(_target_name)]


if TYPE_CHECKING:
    AnyTarget = FileTargetSettings | TableTargetSettings
else:
    AnyTarget = Annotated[
        Union[tuple(Annotated[settings, Tag(f"{BRANCH}{kind}")] for kind, settings in KINDS.items())],  # noqa: UP007 - their number is not known here
        by_kind(sorted(KINDS), "target"),
    ]
Targets = dict[TargetName, AnyTarget]
