"""A client of API v2 that nobody here wrote works: kafka-bridge-client, set to Confluent's proxy."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

pytestmark = [pytest.mark.contract, pytest.mark.filterwarnings("ignore:mypy_extensions.TypedDict:DeprecationWarning")]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    # it imports a name that it doesn't use from a test module of CPython, which not every Python has
    monkeypatch.setitem(sys.modules, "xxlimited", SimpleNamespace(Str=str))
    import kafka_bridge_client

    return kafka_bridge_client


def test_a_foreign_client_goes_on_behind_what_it_committed(
    client: ModuleType, base: str, group: str, topic: str
) -> None:
    producer = client.KafkaBridgeProducer(base, timeout=30)

    async def read(count: int) -> list[dict[str, Any]]:
        consumer = client.KafkaBridgeConsumer(
            topic,
            bootstrap_server=f"{base}/",
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            consumer_name="foreign",
            sleep_interval_seconds=0,
            proxy="confluent",
        )
        found: list[dict[str, Any]] = []
        async with consumer:
            for _ in range(20):  # the first reads may come back empty while the group forms
                found += await consumer.poll_records(max_bytes=10_000, timeout=1000)
                if len(found) >= count:
                    break
            await consumer.commit()
        return found

    assert producer.sends(topic, [{"key": "7528", "value": {"index": 7528}}, {"value": None}])
    first, tombstone = asyncio.run(read(2))
    assert (first["topic"], first["partition"], first["offset"]) == (topic, 0, 0)
    assert json.loads(base64.b64decode(first["key"])) == "7528"
    assert json.loads(base64.b64decode(first["value"])) == {"index": 7528}
    assert (tombstone["key"], tombstone["value"], tombstone["offset"]) == (None, None, 1)

    assert producer.send(topic, {"key": "k", "value": b"\xff\x00"}, binary=True)
    [third] = asyncio.run(read(1))
    assert (base64.b64decode(third["key"]), base64.b64decode(third["value"]), third["offset"]) == (b"k", b"\xff\x00", 2)
