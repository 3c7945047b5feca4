"""What this proxy says about itself: health, metrics, its own description, its access log, its address."""

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.kafka import Broker
from tests.support.rest_proxy import API, ProxyProcess, offsets, produce, raw, status_of, wait_for

pytestmark = pytest.mark.contract


def counters(proxy: ProxyProcess) -> dict[str, float]:
    answer = requests.get(f"{proxy.url}/metrics", timeout=10)
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_health_is_200_with_a_broker(proxy: ProxyProcess) -> None:
    answer = requests.get(f"{proxy.url}/healthz", timeout=10)
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_health_is_503_with_a_reason_without_a_broker(folder: Path) -> None:
    proxy = ProxyProcess(folder, "127.0.0.1:1")
    with proxy.start(ready=False):
        answer = requests.get(f"{proxy.url}/healthz", timeout=10)
        assert answer.status_code == 503
        assert answer.json()["status"] == "unavailable"
        assert "broker" in answer.json()["reason"].lower()


def test_metrics_count_requests_records_and_bytes(proxy: ProxyProcess, topic: str) -> None:
    before = counters(proxy)
    offsets(produce(proxy.url, topic, [{"value": "x" * 1000}] * 3))
    produce(proxy.url, "bad%20topic", [{"value": 1}])
    produce(proxy.url, topic, [])
    after = counters(proxy)

    def grown(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    route = 'route="/topics/{topic}",method="POST"'
    assert grown("rest_proxy_records_produced_total") == 3
    assert grown("rest_proxy_records_failed_total") == 1
    assert grown(f'rest_proxy_requests_total{{{route},status="200"}}') == 2
    assert grown(f'rest_proxy_requests_total{{{route},status="422"}}') == 1
    assert grown('rest_proxy_request_seconds_count{route="/topics/{topic}"}') == 3
    assert 3000 < grown("rest_proxy_received_bytes_total") < 4000
    assert after["rest_proxy_queued_records"] == 0
    assert after["rest_proxy_held_body_bytes"] == 0


def test_a_histograms_buckets_only_grow_and_end_with_its_count(proxy: ProxyProcess, topic: str) -> None:
    offsets(produce(proxy.url, topic, [{"value": 1}]))
    found = counters(proxy)
    buckets = [value for name, value in found.items() if 'seconds_bucket{route="/topics/{topic}"' in name]
    assert buckets == sorted(buckets)
    assert buckets[-1] == found['rest_proxy_request_seconds_count{route="/topics/{topic}"}']


def test_paths_do_not_become_labels(proxy: ProxyProcess) -> None:
    requests.get(f"{proxy.url}/some/unknown/path", timeout=10)
    requests.get(f"{proxy.url}/topics/hidden-name", timeout=10)
    names = "\n".join(counters(proxy))
    assert "unknown" not in names
    assert "hidden-name" not in names


def test_the_description_names_every_route_and_method_that_answers(proxy: ProxyProcess) -> None:
    document = requests.get(f"{proxy.url}/openapi.json", timeout=10).json()
    assert document["openapi"] == "3.1.0"
    for path, operations in document["paths"].items():
        concrete = path.replace("{partition}", "0")
        for name in ("topic", "group", "instance"):
            concrete = concrete.replace(f"{{{name}}}", "x")
        allowed = requests.request("PATCH", f"{proxy.url}{concrete}", timeout=10)
        assert allowed.status_code == 405, path
        methods = {method.upper() for method in operations if method != "parameters"}
        assert set(allowed.headers["Allow"].split(",")) - {"HEAD"} == methods, path


def test_each_request_is_one_line_of_json_without_any_content(proxy: ProxyProcess, topic: str) -> None:
    produce(proxy.url, topic, [{"key": "secret-key", "value": "secret-value"}])
    requests.get(f"{proxy.url}/topics?token=secret-query", timeout=10)

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in proxy.access_log.read_text().splitlines()]

    wait_for(lambda: any(line["path"] == f"/topics/{topic}" for line in lines()), 5, "the line")
    line = next(line for line in lines() if line["path"] == f"/topics/{topic}")
    assert set(line) == {"time", "remote", "method", "path", "status", "received", "sent", "ms"}
    assert (line["method"], line["status"], line["remote"]) == ("POST", 200, "127.0.0.1")
    assert line["received"] > 40
    assert "secret" not in proxy.access_log.read_text()


def test_a_line_feed_in_a_path_makes_no_second_line(proxy: ProxyProcess) -> None:
    requests.get(f"{proxy.url}/marked%0A{{}}%22", timeout=10)
    wait_for(lambda: "marked" in proxy.access_log.read_text(), 5, "the line")
    marked = [line for line in proxy.access_log.read_text().splitlines() if "marked" in line]
    assert [json.loads(line)["status"] for line in marked] == [404]


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Host": "proxy.example:8082"}, "http://proxy.example:8082"),
        ({"Host": "a b<script>"}, None),
        (
            {
                "X-Forwarded-Host": "abc.execute-api.us-east-1.amazonaws.com",
                "X-Forwarded-Proto": "https",
                "X-Forwarded-Port": "443",
                "X-Forwarded-Prefix": "/dev",
            },
            "https://abc.execute-api.us-east-1.amazonaws.com/dev",
        ),
        ({"X-Forwarded-Proto": "https", "X-Forwarded-Port": "443", "Host": "10.0.0.7:8082"}, "http://10.0.0.7:8082"),
    ],
)
def test_base_uri_is_under_the_address_the_caller_used(
    proxy: ProxyProcess, group: str, headers: dict[str, str], expected: str | None
) -> None:
    answer = requests.post(
        f"{proxy.url}/consumers/{group}", data=b"", headers={"Content-Type": API, **headers}, timeout=10
    )
    if expected is None:
        expected = proxy.url
    name = answer.json()["instance_id"]
    assert answer.json()["base_uri"] == f"{expected}/consumers/{group}/instances/{name}"
    deleted = requests.delete(f"{proxy.url}/consumers/{group}/instances/{name}", timeout=10)
    assert deleted.status_code == 204


def test_wrong_settings_are_refused_all_at_once_one_line_each(folder: Path) -> None:
    proxy = ProxyProcess(folder, "nowhere", PORT="99999999", PRODUCE_TIMEOUT_SECONDS="soon")
    with pytest.raises(RuntimeError, match="ended with 2"):
        proxy.start()
    lines = proxy.log.read_text().splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        "KAFKA_BOOTSTRAP_SERVERS",
        "REST_PROXY_PORT",
        "REST_PROXY_PRODUCE_TIMEOUT_SECONDS",
    ]


def test_a_port_in_use_is_one_line_and_an_exit_code(proxy: ProxyProcess, broker: Broker, folder: Path) -> None:
    second = ProxyProcess(folder, broker.bootstrap, PORT=str(proxy.port))
    with pytest.raises((RuntimeError, TimeoutError), match="ended with 1"):
        second.start()
    assert f"cannot listen on 127.0.0.1:{proxy.port}" in second.log.read_text()


def test_plain_garbage_is_answered_with_400(proxy: ProxyProcess) -> None:
    assert status_of(raw(proxy.port, b"hello, is this HTTP?\r\n\r\n")) == 400
