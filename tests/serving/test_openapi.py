"""The OpenAPI document against the endpoint: what it allows is answered as it says, what it does not is refused."""

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance

from serving.endpoint.openapi import describe_api

load_all_checks()
DOCUMENT = describe_api("vitrail/1", 200_000)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)


@SCHEMA.parametrize()
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
def test_the_endpoint_does_what_its_document_says(case, endpoint):
    """Bytes at random are no picture, so a request that is well formed may still be refused for what it holds."""
    with requests.Session() as session:
        session.trust_env = False
        case.call_and_validate(endpoint, session, timeout=60, excluded_checks=[positive_data_acceptance])


def test_the_document_is_served_with_the_version_of_the_model(client):
    assert client.get("/docs.json").json() == DOCUMENT


def test_every_route_of_the_service_is_in_it(client):
    """BentoML lists the routes that it serves."""
    served = {route["route"] for route in client.get("/schema.json").json()["routes"]}
    assert {path for path, route in DOCUMENT["paths"].items() if "post" in route} == served


@pytest.mark.parametrize(
    "path",
    [path for path, route in DOCUMENT["paths"].items() if "parameters" not in route.get("get", {"parameters": ()})],
)
def test_plain_routes_are_there(client, path):
    assert client.get(path).status_code == 200
