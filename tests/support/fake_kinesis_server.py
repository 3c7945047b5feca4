"""A fake Kinesis over HTTP, JSON and CBOR, for the faults and the speed that no emulator shows.

Run as a process of its own: it prints its port and serves until it is killed. ``fake_kinesis`` drives it. What it does
where emulators and AWS differ follows AWS's API reference; real resharding is tested against kinesis-local as well.
"""

from __future__ import annotations

import asyncio
import base64
import bisect
import contextlib
import json
import random
import time
from collections import Counter, deque
from typing import Any
from urllib.parse import parse_qs

import cbor2

from tests.support.fake_kinesis_model import RETENTION_MS, Refusal, Shard, Stream
from tests.support.fake_kinesis_wire import CBOR, JSON, answer, as_cbor, as_json, binary

FAULTS: dict[str, Any] = {
    "limits": False,  # five reads a second and shard, 10 MB in five seconds
    "throttled": 0.0,  # shares of GetRecords that fail so
    "expired": 0.0,
    "failed": 0.0,
    "cut": 0.0,
    "empty": 0.0,  # shares that are empty although records follow
    "iterator_seconds": 300.0,
    "trimmed": "silent",  # what a position before the oldest record does: silent, refused, stuck
    "no_children": False,  # a closed shard's last page does not name its children
    "no_describe": False,  # DescribeStreamSummary is not allowed
    "no_cbor": False,
    "no_roles": False,  # nobody may assume a role
    "token_seconds": 3600.0,  # how long an assumed role's credentials are good
}


class Kinesis:
    """The state of the server, and each operation as a method of its name."""

    def __init__(self) -> None:
        self.streams: dict[str, Stream] = {}
        self.faults = dict(FAULTS)
        self.random = random.Random(1)
        self.stats: Counter[str] = Counter()
        self.keys: list[str] = []
        self.recent: dict[tuple[str, str], deque[tuple[float, int]]] = {}

    # --- what tests do to it

    def FakeConfigure(self, body: dict[str, Any]) -> dict[str, Any]:
        if unknown := body.keys() - FAULTS.keys() - {"seed"}:
            raise Refusal("InvalidArgumentException", f"no such faults: {unknown}")
        self.random = random.Random(body.pop("seed", 1))
        self.faults = FAULTS | body
        return {}

    def FakeTrim(self, body: dict[str, Any]) -> dict[str, Any]:
        self._stream(body).shard(body["ShardId"]).trim(body["Count"])
        return {}

    def FakeAge(self, body: dict[str, Any]) -> dict[str, Any]:
        for shard in self._stream(body).shards.values():
            shard.age(body["Seconds"])
        return {}

    def FakeForgetShard(self, body: dict[str, Any]) -> dict[str, Any]:
        del self._stream(body).shards[body["ShardId"]]
        return {}

    def FakeStats(self, body: dict[str, Any]) -> dict[str, Any]:
        return {"Counts": dict(self.stats), "AccessKeys": self.keys}

    def FakeFill(self, body: dict[str, Any]) -> dict[str, Any]:
        stream, data = self._stream(body), base64.b64decode(body["Data"])
        opened = [str(shard.low) for shard in stream.shards.values() if shard.ending is None]
        for number in range(body["Count"]):  # evenly
            stream.put(f"key-{number}", data, opened[number % len(opened)])
        for shard in stream.shards.values():
            self._fragments(shard, 0, len(shard.sequences))
        return {}

    # --- Kinesis

    def CreateStream(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["StreamName"] in self.streams:
            raise Refusal("ResourceInUseException", f"Stream {body['StreamName']} already exists")
        self.streams[body["StreamName"]] = Stream(body["StreamName"], body.get("ShardCount") or 4)
        return {}

    def DeleteStream(self, body: dict[str, Any]) -> dict[str, Any]:
        del self.streams[self._stream(body).name]
        return {}

    def DescribeStreamSummary(self, body: dict[str, Any]) -> dict[str, Any]:
        if self.faults["no_describe"]:
            raise Refusal("AccessDeniedException", "User is not authorized to perform: kinesis:DescribeStreamSummary")
        stream = self._stream(body)
        summary = {"StreamName": stream.name, "StreamStatus": "ACTIVE", "StreamCreationTimestamp": stream.created}
        return {"StreamDescriptionSummary": summary | {"RetentionPeriodHours": RETENTION_MS // 3_600_000}}

    def ListShards(self, body: dict[str, Any]) -> dict[str, Any]:
        token = body.get("NextToken")
        stream = self.streams[token.split("#")[0]] if token else self._stream(body)
        begin = int(token.split("#")[1]) if token else 0
        end = begin + (body.get("MaxResults") or 1000)
        shards = list(stream.shards.values())
        answer: dict[str, Any] = {"Shards": [shard.describe() for shard in shards[begin:end]]}
        return answer | ({"NextToken": f"{stream.name}#{end}"} if end < len(shards) else {})

    def SplitShard(self, body: dict[str, Any]) -> dict[str, Any]:
        self._stream(body).split(body["ShardToSplit"], int(body["NewStartingHashKey"]))
        return {}

    def MergeShards(self, body: dict[str, Any]) -> dict[str, Any]:
        self._stream(body).merge(body["ShardToMerge"], body["AdjacentShardToMerge"])
        return {}

    def PutRecords(self, body: dict[str, Any]) -> dict[str, Any]:
        stream = self._stream(body)
        put = [
            stream.put(each["PartitionKey"], binary(each["Data"]), each.get("ExplicitHashKey"))
            for each in body["Records"]
        ]
        return {"FailedRecordCount": 0, "Records": put}

    def GetShardIterator(self, body: dict[str, Any]) -> dict[str, Any]:
        stream = self._stream(body)
        shard = stream.shard(body["ShardId"])
        match body["ShardIteratorType"]:
            case "TRIM_HORIZON":
                after = shard.trimmed_to
            case "LATEST":
                after = shard.sequences[-1] if shard.sequences else shard.starting
            case "AT_TIMESTAMP":
                if body["Timestamp"] > time.time():
                    raise Refusal("InvalidArgumentException", "The timestamp cannot be greater than the current one")
                place = bisect.bisect_left(shard.arrived, body["Timestamp"])
                after = ([shard.starting, *shard.sequences])[place]
            case _:
                after = int(body["StartingSequenceNumber"])
                return {"ShardIterator": self._after(stream, shard, after)}
        return {"ShardIterator": self._iterator(stream, shard, after)}

    def _after(self, stream: Stream, shard: Shard, after: int) -> str:
        newest = shard.ending or (shard.sequences[-1] if shard.sequences else max(shard.trimmed_to, shard.starting))
        trimmed = after < shard.trimmed_to
        if not shard.starting <= after <= newest or (trimmed and self.faults["trimmed"] == "refused"):
            why = "is invalid because it did not come from this stream"
            raise Refusal("InvalidArgumentException", f"StartingSequenceNumber {after} on shard {shard.id} {why}")
        return self._iterator(stream, shard, -1 if trimmed and self.faults["trimmed"] == "stuck" else after)

    def _iterator(self, stream: Stream, shard: Shard, after: int) -> str:
        return base64.b64encode(
            json.dumps([stream.name, stream.created, shard.id, after, time.time()]).encode()
        ).decode()

    def _stream(self, body: dict[str, Any]) -> Stream:
        name = body.get("StreamName") or body.get("StreamARN", "").split("/")[-1]
        if name not in self.streams:
            raise Refusal("ResourceNotFoundException", f"Stream {name} under account 000000000000 not found.")
        return self.streams[name]

    # --- GetRecords, which must be fast

    def get_records(self, body: dict[str, Any], cbor: bool) -> bytes:
        name, created, shard_id, after, made = json.loads(base64.b64decode(body["ShardIterator"]))
        stream = self._stream({"StreamName": name})
        shard = stream.shard(shard_id)
        if stream.created != created:
            raise Refusal("ResourceNotFoundException", f"Shard {shard_id} does not exist")
        self._misbehave(name, shard_id, made)
        if after == -1:  # a position older than the retention: nothing, and no way forward
            return answer([], self._iterator(stream, shard, -1), RETENTION_MS, [], cbor)
        begin = shard.after(after)
        end = shard.page(begin, body.get("Limit") or 10_000)
        if begin < end and self._by_chance("empty"):
            end = begin
        if self.faults["limits"]:
            self.recent[name, shard_id][-1] = (time.time(), sum(map(len, shard.data[begin:end])))
        last = end == len(shard.sequences)
        behind = 0 if last else max(1, int((time.time() - shard.arrived[end]) * 1000))
        over = last and shard.ending is not None
        reached = shard.sequences[end - 1] if end > begin else after
        following = None if over else self._iterator(stream, shard, reached)
        children = stream.children(shard_id) if over and not self.faults["no_children"] else []
        if cbor:
            return answer(self._fragments(shard, begin, end), following, behind, children, cbor=True)
        rows = zip(
            *(column[begin:end] for column in (shard.sequences, shard.arrived, shard.data, shard.keys)), strict=True
        )
        return answer([as_json(*row) for row in rows], following, behind, children, cbor=False)

    def _fragments(self, shard: Shard, begin: int, end: int) -> list[bytes]:
        for place in range(begin, end):
            if shard.fragments[place] is None:
                shard.fragments[place] = as_cbor(
                    shard.sequences[place], shard.arrived[place], shard.data[place], shard.keys[place]
                )
        return [fragment for fragment in shard.fragments[begin:end] if fragment is not None]

    def _misbehave(self, name: str, shard_id: str, made: float) -> None:
        if self._by_chance("failed"):
            raise Refusal("InternalFailure", "", 500)
        if self._by_chance("throttled") or (self.faults["limits"] and self._over_limit(name, shard_id)):
            self.stats["refused"] += 1
            raise Refusal("ProvisionedThroughputExceededException", f"Rate exceeded for shard {shard_id}")
        if time.time() - made > self.faults["iterator_seconds"] or self._by_chance("expired"):
            self.stats["expired"] += 1
            raise Refusal("ExpiredIteratorException", "Iterator expired.")

    def _over_limit(self, name: str, shard_id: str) -> bool:
        recent, now = self.recent.setdefault((name, shard_id), deque()), time.time()
        while recent and recent[0][0] < now - 5:
            recent.popleft()
        if sum(at > now - 1 for at, _ in recent) >= 5 or sum(size for _, size in recent) > 10_000_000:
            return True
        recent.append((now, 0))
        return False

    def _by_chance(self, fault: str) -> bool:
        happens = bool(self.random.random() < self.faults[fault])
        self.stats[f"fault {fault}"] += happens
        return happens

    # --- the token service

    def assume_role(self, form: dict[str, list[str]]) -> tuple[int, str, bytes]:
        self.stats["AssumeRole"] += 1
        if self.faults["no_roles"]:
            why = b"<Type>Sender</Type><Code>AccessDenied</Code><Message>not authorized</Message>"
            return 403, "text/xml", b"<ErrorResponse><Error>" + why + b"</Error></ErrorResponse>"
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + self.faults["token_seconds"]))
        number, role = self.stats["AssumeRole"], form["RoleArn"][0]
        answer = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>'
            f"<AssumedRoleUser><Arn>{role}</Arn><AssumedRoleId>A:{form['RoleSessionName'][0]}</AssumedRoleId></AssumedRoleUser>"
            f"<Credentials><AccessKeyId>ASSUMED{number}</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"
            f"<SessionToken>t{number}</SessionToken><Expiration>{expires}</Expiration></Credentials>"
            "</AssumeRoleResult></AssumeRoleResponse>"
        )
        return 200, "text/xml", answer.encode()


class Connection(asyncio.Protocol):
    """HTTP/1.1, as much of it as AWS's clients use."""

    def __init__(self, kinesis: Kinesis) -> None:
        self.kinesis, self.buffer = kinesis, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            lines = self.buffer[:end].decode("latin1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
            length = int(headers.get("content-length", 0))
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            self.answer(headers, body)

    def answer(self, headers: dict[str, str], body: bytes) -> None:
        kinesis, kind = self.kinesis, headers.get("content-type", JSON)
        target = headers.get("x-amz-target", ".").split(".")[-1]
        if "Credential=" in headers.get("authorization", ""):
            kinesis.keys.append(headers["authorization"].split("Credential=")[1].split("/")[0])
        kinesis.stats[target] += 1
        cbor, status = kind.startswith(CBOR), 200
        try:
            if kind.startswith("application/x-www-form-urlencoded"):
                self.send(*kinesis.assume_role(parse_qs(body.decode())))
                return
            if cbor and kinesis.faults["no_cbor"]:
                raise Refusal("SerializationException", "no CBOR")
            request = cbor2.loads(body) if cbor else json.loads(body or b"{}")
            if target == "GetRecords":
                payload = kinesis.get_records(request, cbor)
            else:
                found = getattr(kinesis, target)(request)
                payload = cbor2.dumps(found) if cbor else json.dumps(found).encode()
        except Refusal as refusal:
            error, status = {"__type": refusal.code, "message": refusal.message}, refusal.status
            payload = cbor2.dumps(error) if cbor else json.dumps(error).encode()
        self.send(status, kind, payload, cut=target == "GetRecords" and kinesis._by_chance("cut"))

    def send(self, status: int, kind: str, payload: bytes, cut: bool = False) -> None:
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nDate: {date}\r\nContent-Length: {len(payload)}\r\n\r\n"
        self.transport.write(head.encode() + payload[: len(payload) // 2 if cut else None])
        if cut:
            self.transport.close()


async def _serve() -> None:
    kinesis = Kinesis()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(kinesis), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve())
