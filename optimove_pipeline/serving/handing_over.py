"""The documentation of the API as files, for those who have no connection yet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from optimove_pipeline.files import write_atomically
from optimove_pipeline.serving.access import Access
from optimove_pipeline.serving.described import Described
from optimove_pipeline.serving.docs_page import as_html
from optimove_pipeline.serving.openapi import document
from optimove_pipeline.serving.steps import DOCUMENT, PAGE
from optimove_pipeline.targets.kinds.api import ApiSettings
from optimove_pipeline.targets.table import Table


def write_documentation(folder: Path, target: str, settings: ApiSettings, tables: Sequence[Table]) -> list[Path]:
    """Write the OpenAPI document and its page into a folder, and return their files; no credential is needed."""
    access = Access(target, (), signing_key=b"" if settings.signing_key is None else b"not known here")
    described = [Described(table, {}) for table in tables]
    made = document(access, settings, described, version("optimove-pipeline"))
    files = {folder / DOCUMENT: json.dumps(made, indent=1), folder / PAGE: as_html(made)}
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text.encode())
    return [*files]
