from typing import Any

import pytest

from vidgate.web import openapi
from vidgate.web.routes import ROUTES


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi.build(ROUTES)


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        found = {node["$ref"]} if "$ref" in node else set()
        return found.union(*(references(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(references(value) for value in node))
    return set()


def test_every_described_route_is_in_it(document: dict[str, Any]) -> None:
    described = [route for route in ROUTES if route.summary]
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(operations) == len(described) >= 34
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas


def test_an_operation_says_what_it_asks_for(document: dict[str, Any]) -> None:
    watch = document["paths"]["/whep/{name}"]["post"]
    assert watch["x-permission"] == "stream.watch"
    assert watch["requestBody"]["content"] == {"application/sdp": {"schema": {"type": "string"}}}
    assert {parameter["name"] for parameter in watch["parameters"]} == {
        "name", "stream", "from", "to",
    }  # fmt: skip
    assert set(watch["responses"]) == {"201", "default"}
    assert watch["security"] == [{"token": []}, {"session": []}]
    assert document["paths"]["/healthz"]["get"]["security"] == []
    query = {
        parameter["name"]: parameter
        for parameter in document["paths"]["/api/v1/channels/import"]["post"]["parameters"]
    }
    assert query["filename"]["required"] is True
    assert query["dry_run"]["schema"]["type"] == "boolean"


def test_no_answer_has_a_password_but_of_one_just_made(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        if name.endswith(("View", "List", "Item")) and name != "NewPasswordView":
            assert "password" not in schema.get("properties", {}), name
