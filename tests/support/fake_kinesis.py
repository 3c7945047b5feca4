"""The fake Kinesis as tests see it: a process, its streams, and the faults it is told to show.

A fake, for what neither LocalStack nor kinesis-local can be made to show: expired iterators, trimmed positions, refused
and failing reads, empty pages, closed shards without children, cut answers, credentials that end.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]


class FakeKinesis:
    """A running server; ``with FakeKinesis() as kinesis`` starts and ends it."""

    url: str

    @classmethod
    def at(cls, url: str) -> FakeKinesis:
        """One that runs, as another process started it."""
        kinesis = cls()
        kinesis.url = url
        return kinesis

    def __enter__(self) -> FakeKinesis:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fake_kinesis_server"], cwd=_ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(timeout=10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def call(self, operation: str, **body: Any) -> dict[str, Any]:
        """Any operation of Kinesis, or of the fake (Fake…), by JSON."""
        headers = {"X-Amz-Target": f"Kinesis_20131202.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    def create(self, stream: str, shards: int = 1) -> str:
        """A new stream; its name."""
        self.call("CreateStream", StreamName=stream, ShardCount=shards)
        return stream

    def recreate(self, stream: str, shards: int = 1) -> None:
        """Delete a stream and make another one of its name."""
        self.call("DeleteStream", StreamName=stream)
        self.create(stream, shards)

    def put(self, stream: str, texts: Iterable[str], shard: int | None = None) -> list[tuple[str, str]]:
        """Put records, each keyed by its text, or all into one shard; their (shard id, sequence number)."""
        placed: dict[str, str] = {}
        if shard is not None:
            found = self.shards(stream)[f"shardId-{shard:012d}"]
            placed = {"ExplicitHashKey": found["HashKeyRange"]["StartingHashKey"]}
        records = [{"PartitionKey": text, "Data": base64.b64encode(text.encode()).decode(), **placed} for text in texts]
        answer = self.call("PutRecords", StreamName=stream, Records=records)
        return [(each["ShardId"], each["SequenceNumber"]) for each in answer["Records"]]

    def fill(self, stream: str, count: int, data: bytes) -> None:
        """Put many equal records, as many into each shard, fast."""
        self.call("FakeFill", StreamName=stream, Count=count, Data=base64.b64encode(data).decode())

    def shards(self, stream: str) -> dict[str, dict[str, Any]]:
        """All shards by their ids, as ListShards tells them."""
        return {each["ShardId"]: each for each in self.call("ListShards", StreamName=stream)["Shards"]}

    def split(self, stream: str, shard: int) -> None:
        """Split a shard, by its number, in the middle."""
        shard_id = f"shardId-{shard:012d}"
        span = self.shards(stream)[shard_id]["HashKeyRange"]
        middle = (int(span["StartingHashKey"]) + int(span["EndingHashKey"])) // 2
        self.call("SplitShard", StreamName=stream, ShardToSplit=shard_id, NewStartingHashKey=str(middle))

    def merge(self, stream: str, first: int, second: int) -> None:
        """Merge two shards, by their numbers."""
        one, two = f"shardId-{first:012d}", f"shardId-{second:012d}"
        self.call("MergeShards", StreamName=stream, ShardToMerge=one, AdjacentShardToMerge=two)

    def trim(self, stream: str, shard: int, count: int) -> None:
        """Let the oldest records of a shard go, as when their retention is over."""
        self.call("FakeTrim", StreamName=stream, ShardId=f"shardId-{shard:012d}", Count=count)

    def age(self, stream: str, seconds: float) -> None:
        """Let all records of a stream have arrived so much earlier."""
        self.call("FakeAge", StreamName=stream, Seconds=seconds)

    def forget_shard(self, stream: str, shard: int) -> None:
        """Let a shard go with all its records."""
        self.call("FakeForgetShard", StreamName=stream, ShardId=f"shardId-{shard:012d}")

    def faults(self, **faults: Any) -> None:
        """Show these faults from now on, and no others (see the server's ``FAULTS``); without any, none."""
        self.call("FakeConfigure", **faults)

    def counts(self) -> dict[str, int]:
        """How often each operation was called and each fault was shown."""
        counts: dict[str, int] = self.call("FakeStats")["Counts"]
        return counts

    def access_keys(self) -> list[str]:
        """The access keys of all signed requests, in their order."""
        keys: list[str] = self.call("FakeStats")["AccessKeys"]
        return keys
