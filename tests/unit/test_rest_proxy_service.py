"""Settings, metrics and the API's description."""

import json
from typing import Any

import jsonschema_rs
import pytest

from services.rest_proxy import openapi
from services.rest_proxy.errors import ApiError, SettingsError
from services.rest_proxy.metrics import Metrics
from services.rest_proxy.settings import load

pytestmark = pytest.mark.unit


def all_errors(kind: type[ApiError] = ApiError) -> list[type[ApiError]]:
    return [found for child in kind.__subclasses__() for found in (child, *all_errors(child))]


def test_without_any_variable_the_defaults_are_the_local_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_AUTH", "REST_PROXY_HOST", "REST_PROXY_PORT"):
        monkeypatch.delenv(name, raising=False)
    settings = load()
    assert (settings.bootstrap_servers, settings.host, settings.port) == ("127.0.0.1:9092", "127.0.0.1", 8082)
    assert settings.kafka_config()["bootstrap.servers"] == "127.0.0.1:9092"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REST_PROXY_PORT", "")
    assert load().port == 8082


@pytest.mark.parametrize("servers", ["a:1", "a:1,b:65535", "[::1]:9092", "b-1.msk.amazonaws.com:9098"])
def test_addresses_of_brokers_are_taken(monkeypatch: pytest.MonkeyPatch, servers: str) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", servers)
    assert load().bootstrap_servers == servers


def test_every_wrong_variable_is_one_line_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "KAFKA_BOOTSTRAP_SERVERS": "localhost",
        "KAFKA_AUTH": "password",
        "REST_PROXY_HOST": "a b",
        "REST_PROXY_PORT": "0",
        "REST_PROXY_LINGER_MS": "-1",
        "REST_PROXY_MAX_REQUEST_BYTES": "much",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert sorted(line.partition(":")[0] for line in caught.value.lines) == sorted(
        f"{name}={value}" for name, value in wrong.items()
    )


def test_metrics_are_prometheus_text() -> None:
    metrics = Metrics()
    metrics.request("/topics/{topic}", "POST", 200, 0.003, 100, 50)
    metrics.request("/topics/{topic}", "POST", 200, 70.0, 1, 1)
    metrics.records_produced += 3
    lines = metrics.expose({"queued_records": ("On their way.", 4.0)}).splitlines()
    assert 'rest_proxy_requests_total{route="/topics/{topic}",method="POST",status="200"} 2' in lines
    assert 'rest_proxy_request_seconds_bucket{route="/topics/{topic}",le="0.0025"} 0' in lines
    assert 'rest_proxy_request_seconds_bucket{route="/topics/{topic}",le="0.005"} 1' in lines
    assert 'rest_proxy_request_seconds_bucket{route="/topics/{topic}",le="30.0"} 1' in lines
    assert 'rest_proxy_request_seconds_bucket{route="/topics/{topic}",le="+Inf"} 2' in lines
    assert 'rest_proxy_request_seconds_sum{route="/topics/{topic}"} 70.003000' in lines
    assert "rest_proxy_records_produced_total 3" in lines
    assert "rest_proxy_received_bytes_total 101" in lines
    assert "rest_proxy_queued_records 4" in lines
    names = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(names) == len(set(names)) == len([line for line in lines if line.startswith("# HELP")])


def test_a_bound_of_a_bucket_belongs_to_it() -> None:
    metrics = Metrics()
    metrics.request("/", "GET", 200, 0.005, 0, 0)
    assert 'bucket{route="/",le="0.005"} 1' in metrics.expose({})


@pytest.mark.parametrize("kind", all_errors(), ids=lambda kind: str(kind.__name__))
def test_an_errors_number_begins_with_its_status(kind: type[ApiError]) -> None:
    error = kind("detail")
    assert str(error.error_code)[:3] == str(error.status.value)
    assert error.message.endswith("detail")
    assert "\n" not in error.message


@pytest.fixture(scope="module")
def document() -> Any:
    return json.loads(openapi.document())


def test_every_schema_of_the_description_is_a_valid_schema(document: Any) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})


def test_every_reference_of_the_description_leads_somewhere(document: Any) -> None:
    text = json.dumps(document)
    used = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert used == set(document["components"]["schemas"])


def test_every_operation_has_a_name_of_its_own_and_answers(document: Any) -> None:
    operations = [
        operation for path in document["paths"].values() for method, operation in path.items() if method != "parameters"
    ]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names)) == 18
    assert all(operation["responses"] for operation in operations)
