"""What a message may show of an answer: no credential, and no values of rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

SHOWN_CHARACTERS = 200

_TOKEN = re.compile(r'("(?:[^"\\]|\\.)*")(\s*:)?|"(?:[^"\\]|\\.)*\\?$|-?\d[\d.eE+-]*')
"""A string, with the colon that makes it a key; a string that is cut; or a number."""


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret replaced by ``***``, also where it is quoted as JSON or in a URL."""
    forms = {form for secret in secrets for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = re.sub(re.escape(form), "***", text, flags=re.IGNORECASE)
    return text


def _forms(secret: str) -> set[str]:
    return {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), quote_plus(secret)} - {""}


def beginning(body: bytes, secrets: Iterable[str], *, rows: bool = False) -> str:
    """Return the first 200 characters of an answer on one line, for a message.

    Of ``rows`` only the keys are shown, the values as ``…``, since messages are logged and rows are customer data.
    """
    text = masked(body.decode(errors="replace"), secrets)
    text = " ".join(text.split())[:SHOWN_CHARACTERS]
    return _TOKEN.sub(lambda token: token.group() if token.group(2) else "…", text) if rows else text
