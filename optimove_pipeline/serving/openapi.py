"""The OpenAPI document of the API, made from the tables that it serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optimove_pipeline.serving.access import Access
from optimove_pipeline.serving.asking import NDJSON, USUAL_ROWS
from optimove_pipeline.serving.described import Described, Schema, row_schema
from optimove_pipeline.serving.problems import MEDIA_TYPE
from optimove_pipeline.targets.kinds.api import ApiSettings

_PULL = """Pull a window, for example a day, page by page:

1. Ask `/v1/readiness?date=…` until `ready` is true.
2. Ask each table with `updated_from` (inclusive) and `updated_to` (exclusive), both UTC.
3. While the answer has `next_cursor`, ask again with it as `cursor`.

All pages of a pull show the same deliveries, those up to `as_of`, whatever is delivered meanwhile. Rows are ordered
by moment of change and key, the key compared as text. Times with `Z` are UTC. A column that a row lacks is null.
"""
_PROBLEMS = {
    "400": "A parameter or the cursor is wrong; `code` tells which.",
    "401": "No credential, or one that is not accepted.",
    "403": "The address may not connect.",
    "410": "The pull began too long ago: begin it anew.",
    "429": "Too many requests or pages at once: wait as long as `Retry-After` tells.",
    "503": "The store can't be read for the moment.",
}
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}


def document(access: Access, settings: ApiSettings, tables: Sequence[Described], version: str) -> Schema:
    """Return the OpenAPI 3.1 document."""
    security: list[Schema] = [{"key": []}, *([{"token": []}] if access.signing_key else [])]
    return {
        "openapi": "3.1.0",
        "info": {"title": f"Deliveries of {access.target}", "version": version, "description": _PULL},
        "servers": [{"url": settings.base}],
        "security": security,
        "paths": {
            **_general(),
            **(_token() if access.signing_key else {}),
            **{f"/v1/{each.table.name}": _page(each, settings) for each in tables},
            **{f"/v1/{each.table.name}/schema": _columns(each) for each in tables},
        },
        "components": {
            "securitySchemes": _schemes(access),
            "schemas": {"Problem": _problem()}
            | {each.table.name: row_schema(each, settings.decimals) for each in tables},
        },
    }


def _general() -> Schema:
    return {
        "/healthz": {
            "get": _operation("Whether the server is up", _object({"status": {"type": "string"}}), open_=True)
        },
        "/v1/readiness": {
            "get": _operation(
                "Whether a business day is delivered",
                _object(
                    {
                        "date": {"type": "string", "format": "date"},
                        "ready": {"type": "boolean"},
                        "tables": _list(_readiness()),
                    }
                ),
                parameters=[
                    _parameter("date", {"type": "string", "format": "date"}, "by default the last that ended")
                ],
            )
        },
        "/v1/tables": {
            "get": _operation("The tables, their keys and orders", _object({"tables": _list(_object(_table()))}))
        },
    }


def _readiness() -> Schema:
    moment = {"type": "string", "format": "date-time"}
    counts = {name: {"type": "integer"} for name in ("partitions", "delivered", "rows")}
    return _object(
        {
            "table": {"type": "string"},
            **counts,
            "expected_by": moment,
            "watermark": {**moment, "type": ["string", "null"]},
            "ready": {"type": "boolean"},
        }
    )


def _table() -> Schema:
    return {
        "table": {"type": "string"},
        "key": _list({"type": "string"}),
        "unique": {"type": "boolean"},
        "change_column": {"type": ["string", "null"]},
        "replaced": {"enum": ["keys", "partition", "all"]},
    }


def _token() -> Schema:
    credentials = {"grant_type": {"const": "client_credentials"}}
    form = {"type": "object", "required": ["grant_type"], "properties": credentials | _names()}
    fields = {
        "access_token": {"type": "string"},
        "token_type": {"const": "Bearer"},
        "expires_in": {"type": "integer"},
    }
    failed = _object({"error": {"type": "string"}, "error_description": {"type": "string"}})
    operation = _operation("A token for client credentials (RFC 6749, 4.4)", _object(fields), open_=True)
    answers = operation["responses"]
    answers |= {status: {"description": "Refused.", "content": _json(failed)} for status in ("400", "401")}
    answers |= {status: _refusal(status) for status in ("403", "429")}
    body = {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": form}}}
    return {"/oauth/token": {"post": {**operation, "requestBody": body}}}


def _names() -> Schema:
    return {"client_id": {"type": "string"}, "client_secret": {"type": "string"}}


def _page(described: Described, settings: ApiSettings) -> Schema:
    row = {"$ref": f"#/components/schemas/{described.table.name}"}
    page = {
        "data": _list(row),
        "next_cursor": {"type": ["string", "null"]},
        "as_of": {"type": ["string", "null"], "format": "date-time"},
    }
    operation = _operation(f"Rows of {described.table.name}", _object(page), parameters=_parameters(settings))
    found = operation["responses"]["200"]
    found["content"][NDJSON] = {"schema": {"type": "string"}}
    found["headers"] = {
        "Next-Cursor": {"description": "Where there are more rows: their cursor.", "schema": {"type": "string"}},
        "As-Of": {"description": "When the newest delivery that is shown was made.", "schema": {"type": "string"}},
        "Link": {"description": "The next page, as rel=next.", "schema": {"type": "string"}},
    }
    operation["responses"]["410"] = _refusal("410")
    return {"get": operation}


def _parameters(settings: ApiSettings) -> list[Schema]:
    moment = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
    limit = {"type": "integer", "minimum": 1, "maximum": settings.most_rows, "default": USUAL_ROWS}
    return [
        _parameter("updated_from", moment, "rows changed then or later"),
        _parameter("updated_to", moment, "rows changed before"),
        _parameter("limit", limit, "most rows of the page"),
        _parameter(
            "cursor", {"type": "string"}, f"next_cursor; holds {settings.cursor_hours} hours from the first page"
        ),
    ]


def _columns(described: Described) -> Schema:
    columns = {"columns": _list({"type": "object", "required": ["name", "type"]})}
    return {"get": _operation(f"Columns of {described.table.name}", _object(_table() | columns))}


def _operation(
    summary: str, schema: Schema, parameters: Sequence[Schema] = (), *, open_: bool = False
) -> dict[str, Any]:
    refusals = ["400", *(["503"] if open_ else ["401", "403", "429", "503"])]
    return {
        "summary": summary,
        "parameters": list(parameters),
        **({"security": []} if open_ else {}),
        "responses": {
            "200": {"description": "Found.", "content": _json(schema)},
            **{status: _refusal(status) for status in refusals},
        },
    }


def _refusal(status: str) -> Schema:
    problem = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    headers: Schema = {"headers": _RETRY} if status in {"429", "503"} else {}
    return {"description": _PROBLEMS[status], **problem, **headers}


def _problem() -> Schema:
    texts = {name: {"type": "string"} for name in ("title", "code", "detail")}
    return _object({**texts, "status": {"type": "integer"}})


def _schemes(access: Access) -> Schema:
    key = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    flow = {"clientCredentials": {"tokenUrl": "/oauth/token", "scopes": {}}}
    return {"key": key, **({"token": {"type": "oauth2", "flows": flow}} if access.signing_key else {})}


def _object(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _parameter(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}
