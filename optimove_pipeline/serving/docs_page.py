"""The documentation of the API as one page of HTML, which needs nothing from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2em .6em;text-align:left}"
    "pre,code{background:#f3f3f3}pre{padding:.8em;overflow:auto}"
)


def as_html(document: dict[str, Any]) -> str:
    """Return an OpenAPI document as a page."""
    title = escape(document["info"]["title"])
    return "\n".join(
        [
            f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>",
            f"<h1>{title}</h1><p>At <code>{escape(document['servers'][0]['url'])}</code>; for programs: "
            "<a href='openapi.json'>openapi.json</a>.</p>",
            f"<pre>{escape(document['info']['description'])}</pre>",
            *(_operation(path, *each) for path, methods in document["paths"].items() for each in methods.items()),
            "<h2>Columns</h2>",
            *(_schema(name, schema) for name, schema in document["components"]["schemas"].items()),
            "</html>",
        ]
    )


def _operation(path: str, method: str, operation: dict[str, Any]) -> str:
    parameters = [
        (each["name"], each["description"], _default(each["schema"])) for each in operation.get("parameters", ())
    ]
    answers = [(status, answer["description"]) for status, answer in operation["responses"].items()]
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p>{escape(operation['summary'])}.</p>"
        f"{_table(('parameter', 'meaning', 'default'), parameters)}{_table(('status', 'meaning'), answers)}"
    )


def _default(schema: dict[str, Any]) -> str:
    return str(schema.get("default", ""))


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        (column, _type(each), each.get("format", ""), "yes" if column in required else "")
        for column, each in schema["properties"].items()
    ]
    return f"<h3>{escape(name)}</h3>{_table(('name', 'type', 'format', 'always there'), rows)}"


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "")
    return kind if isinstance(kind, str) else " or ".join(kind)


def _table(head: tuple[str, ...], rows: list[Any]) -> str:
    if not rows:
        return ""
    lines = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    heads = "".join(f"<th>{cell}</th>" for cell in head)
    return f"<table><tr>{heads}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
