"""The kinds of targets: each module is one, named after it, and holds its settings as ``SETTINGS``.

A kind's settings open its target, and import what that needs only then: each brings a library of its own. A module
that is put here is a kind that settings may name, nothing else need be told of it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from optimove_pipeline.settings.target import FileTargetSettings, TableTargetSettings

KINDS: dict[str, type[FileTargetSettings | TableTargetSettings]] = {
    module.name: import_module(f"{__name__}.{module.name}").SETTINGS for module in iter_modules(__path__)
}
"""The settings of each kind, by its name."""
