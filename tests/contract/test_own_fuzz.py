"""Requests that nobody thought of: schemathesis makes them from the proxy's own OpenAPI document, hypothesis bodies.

``PIN_FUZZ_EXAMPLES`` sets how many for each operation; `make drills` takes more.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, openapi
from schemathesis.checks import content_type_conformance, not_a_server_error, response_schema_conformance

from tests.support.kafka import Broker
from tests.support.rest_proxy import BINARY_RECORDS, JSON_RECORDS, ProxyProcess, offsets, produce

pytestmark = pytest.mark.contract

EXAMPLES = int(os.environ.get("PIN_FUZZ_EXAMPLES", "10"))
READ_SECONDS = 1.0
BOUNDED = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def fuzzed(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxyProcess]:
    """A proxy that answers each request within some seconds, whatever it asks for."""
    with ProxyProcess(
        tmp_path_factory.mktemp("fuzzed"),
        broker.bootstrap,
        PRODUCE_TIMEOUT_SECONDS="2",
        METADATA_TIMEOUT_SECONDS="2",
        MAX_READ_TIMEOUT_SECONDS=str(READ_SECONDS),
        CONSUMER_IDLE_SECONDS="5",
    ) as running:
        yield running


def test_no_request_by_the_document_makes_it_fail_hang_or_answer_otherwise_than_it_says(fuzzed: ProxyProcess) -> None:
    operations = [found.ok() for found in openapi.from_url(f"{fuzzed.url}/openapi.json").get_all_operations()]
    assert len(operations) > 15
    for operation in operations:

        @given(case=operation.as_strategy())
        @BOUNDED
        def check(case: Case) -> None:
            answer = case.call(timeout=10 * READ_SECONDS)
            case.validate_response(
                answer, checks=[not_a_server_error, content_type_conformance, response_schema_conformance]
            )

        check()


@given(
    body=st.binary(max_size=200)
    | st.text(max_size=200).map(str.encode)
    | st.binary(max_size=20).map(lambda junk: b'{"records":[{"value":"' + junk + b'"}]}'),
    kind=st.sampled_from([JSON_RECORDS, BINARY_RECORDS, "application/json", "text/plain", "", "*/*"]),
)
@settings(BOUNDED, max_examples=20 * EXAMPLES)
def test_no_body_is_the_proxys_fault(fuzzed: ProxyProcess, body: bytes, kind: str) -> None:
    answer = requests.post(f"{fuzzed.url}/topics/not-there", data=body, headers={"Content-Type": kind}, timeout=10)
    assert answer.status_code < 500


def test_after_all_that_it_takes_records_and_is_no_bigger(fuzzed: ProxyProcess, topic: str) -> None:
    started = time.monotonic()
    assert offsets(produce(fuzzed.url, topic, [{"value": n} for n in range(100)])) == [(0, n) for n in range(100)]
    assert time.monotonic() - started < 5
    assert fuzzed.memory() < 200 * 2**20
