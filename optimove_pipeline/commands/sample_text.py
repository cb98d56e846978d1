"""What was sent as samples, as lines for a person or as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict

from optimove_pipeline.commands.sample import Samples, Sent


def as_json_text(samples: Samples) -> str:
    """Return ``sent`` (a row for each data set) and ``problems`` as JSON."""
    return json.dumps(asdict(samples), indent=1)


def as_lines(samples: Samples) -> str:
    """Return a line for each data set and each of its files, and then what went wrong."""
    lines = [line for sent in samples.sent for line in (_line(sent), *(f"  {file}" for file in sent.files))]
    return "\n".join([*lines, *samples.problems])


def _line(sent: Sent) -> str:
    broken = ", ".join(f"{rule} {rows:,}" for rule, rows in sent.broken.items())
    left_out = f"; broken rows of the day were left out: {broken}" if broken else ""
    return f"{sent.dataset}: {sent.rows:,} {'row' if sent.rows == 1 else 'rows'}{left_out}"
