"""Reading the settings' YAML file, strictly: what it says twice or can't say is refused."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from optimove_pipeline.errors import SettingsError


class _StrictLoader(yaml.SafeLoader):
    """A loader that refuses a key given twice, of which YAML would silently take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 - overridden
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, "a key is given twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds; an empty one holds no settings, ``{}``.

    Raises:
        SettingsError: it can't be read, or isn't YAML; the message names the line and never repeats it.
    """
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise SettingsError(f"{path}: can't be read ({error.strerror}); OPTIMOVE_CONFIG names it") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path}: not UTF-8 text; save it as such") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"{path}: not valid YAML: {_reason(error)}") from None
    return {} if document is None else document


def _reason(error: yaml.YAMLError) -> str:
    """Return what is wrong and where, without the text around it, which may hold a secret."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return "it holds a character that YAML doesn't allow"
