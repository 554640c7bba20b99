"""The OpenAPI 3.1 document, made from the table of routes and its pydantic models."""

import asyncio
import re
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json

from vidgate import __version__
from vidgate.web.route import Access, Route
from vidgate.web.schemas import Problem

_REFERENCES = "#/components/schemas/{model}"
_PARAMETER = re.compile(r"\{(\w+)(?::[^{}]*)?\}")

SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "API token or stream ticket"},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-vidgate",
        "description": "cookie of a signed-in console; `vidgate` over plain HTTP",
    },
}


class Description:
    """The document as bytes: made when it is first asked for, for it takes some 60 ms."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._routes = routes
        self._body = b""

    async def get(self) -> bytes:
        """The JSON text."""
        if not self._body:
            self._body = to_json(await asyncio.to_thread(build, self._routes))
        return self._body


def build(routes: Sequence[Route]) -> dict[str, Any]:
    """The document as plain data."""
    described = [route for route in routes if route.summary]
    paths: dict[str, dict[str, Any]] = {}
    for route in described:
        path = _PARAMETER.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "vidgate",
            "version": __version__,
            "description": "视频与融合通信网关 / video and convergence-communication gateway",
        },
        "paths": paths,
        "components": {"schemas": _schemas(described), "securitySchemes": SECURITY},
    }


def _schemas(routes: Iterable[Route]) -> dict[str, Any]:
    models: dict[type[BaseModel], None] = {Problem: None}
    for route in routes:
        for model in (route.body, route.answer):
            if isinstance(model, type):
                models[model] = None
    _, document = models_json_schema(
        [(model, "validation") for model in models], ref_template=_REFERENCES
    )
    found: dict[str, Any] = document.get("$defs", {})
    return found


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "tags": [route.tag],
        "summary": route.summary,
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": _responses(route),
        "security": [] if route.access is Access.OPEN else [{"token": []}, {"session": []}],
    }
    if route.permission is not None:
        operation["x-permission"] = route.permission.value
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body)}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema(ref_template=_REFERENCES)
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "schema": _inlined(field, schema),
        }
        for name, field in schema["properties"].items()
    ]


def _inlined(field: Any, schema: dict[str, Any]) -> Any:
    """Enumerations are small: they stand where they are used."""
    if isinstance(field, dict):
        reference = field.get("$ref")
        if reference is not None:
            return schema["$defs"][reference.rpartition("/")[2]]
        return {key: _inlined(value, schema) for key, value in field.items()}
    if isinstance(field, list):
        return [_inlined(value, schema) for value in field]
    return field


def _responses(route: Route) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": "OK"}
    if route.answer is not None:
        answer["content"] = _content(route.answer)
    return {
        str(route.status): answer,
        "default": {
            "description": "problem (RFC 9457)",
            "content": {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            },
        },
    }


def _content(what: type[BaseModel] | str) -> dict[str, Any]:
    if isinstance(what, str):
        return {what: {"schema": {"type": "string"}}}
    return {"application/json": {"schema": {"$ref": _REFERENCES.format(model=what.__name__)}}}
