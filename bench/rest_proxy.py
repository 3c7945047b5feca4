"""The REST proxy against two baselines of the same run: ``python -m bench.rest_proxy [--seconds S] [--rounds N]``.

* constant: a server in the same framework (aiohttp on uvloop) with the same route that reads the body and answers a
  constant of a produce answer's size. It bounds requests a second.
* bare producer: confluent-kafka in a loop, same settings, same records, one delivery report a record. It bounds
  records a second.

Load comes from wrk (Debian's package), on this machine, so load, proxy and broker share its cores. Each round measures
all of them in turn.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests
import uvloop
from aiohttp import web
from confluent_kafka import Message, Producer

from bench.report import Report, Target, arguments
from tests.support.kafka import Broker, free_ports
from tests.support.rest_proxy import JSON_RECORDS, ProxyProcess, wait_for

TOPIC = "bench"
CASES = [(8, 1), (64, 1), (8, 100), (64, 100)]
"""Connections, and records a POST."""
PRODUCER = "a bare producer"


def case(connections: int, records: int) -> str:
    return f"{connections} connections, {records} record{'s' if records > 1 else ''} a POST"


TARGETS = [
    *(
        Target(f"{case(*each)}: proxy / constant", (case(*each), "proxy, req/s"), (case(*each), "constant, req/s"),
               least=0.5 if each[1] == 1 else None)
        for each in CASES
    ),
    *(
        Target(f"{case(*each)}: proxy / bare producer", (case(*each), "proxy, records/s"), (PRODUCER, "records/s"))
        for each in CASES
    ),
]  # fmt: skip
ANSWER = b'{"offsets":[%s],"key_schema_id":null,"value_schema_id":null}'
ENTRY = b'{"partition":0,"offset":1234567,"error_code":null,"error":null}'


@dataclass
class Series:
    """One case's figures, one a round."""

    rate: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


def record() -> dict[str, object]:
    """A post of about 530 bytes."""
    return {
        "index": 7528,
        "unique_id": "fbe53c66-3442-4773-b19e-d3ec6f54dddf",
        "title": "12 Ideas for a Small Garden That Anybody Can Make in a Weekend",
        "description": "A garden needs no more than a balcony, some pots and an hour on Saturday.",
        "poster_name": "Garden and Home Ideas",
        "follower_count": "10k",
        "tag_list": "Garden Ideas,Small Gardens,Balcony,Pots",
        "is_image_or_video": "image",
        "image_src": "https://i.pinimg.example/originals/12/34/56/1234567890.jpg",
        "downloaded": 1,
        "save_location": "Local save in /data/diy-and-crafts",
        "category": "diy-and-crafts",
    }


def serve_constant(port: int) -> None:
    """The first baseline."""
    answers = {n: ANSWER % b",".join([ENTRY] * n) for n in (1, 100)}

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        return web.Response(
            body=answers[1 if len(body) < 2000 else 100],
            headers={"Content-Type": "application/vnd.kafka.v2+json"},
        )

    app = web.Application()
    app.router.add_post("/topics/{topic}", answer)
    uvloop.install()
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


def load(port: int, script: Path, connections: int, seconds: float) -> tuple[float, float]:
    """Requests a second, and the 99th percentile of their time in ms; nothing but 200 may come back."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(script)]
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{port}/topics/{TOPIC}"], capture_output=True, text=True, check=True
    ).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"wrk saw errors:\n{out}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", out)
    assert rate is not None
    assert p99 is not None
    return float(rate[1]), float(p99[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[p99[2]]


def bare_producer(bootstrap: str, seconds: float) -> float:
    """The second baseline: acknowledged records a second."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "linger.ms": 1,
            "queue.buffering.max.messages": 100_000,
        }
    )
    value = json.dumps(record()).encode()
    acknowledged = 0

    def delivered(error: object, _: Message) -> None:
        nonlocal acknowledged
        acknowledged += error is None

    started = time.monotonic()
    while time.monotonic() - started < seconds:
        for _ in range(100):
            try:
                producer.produce(TOPIC, value, on_delivery=delivered)
            except BufferError:
                producer.poll(0.01)
        producer.poll(0)
    producer.flush(30)
    return acknowledged / (time.monotonic() - started)


def measure(seconds: float, rounds: int, folder: Path, report: Report) -> None:
    """All cases, round after round."""
    for records in {records for _, records in CASES}:
        body = json.dumps({"records": [{"value": record()}] * records})
        (folder / f"{records}.lua").write_text(
            f'wrk.method="POST"\nwrk.headers["Content-Type"]="{JSON_RECORDS}"\nwrk.body=[==[{body}]==]\n'
        )
    constant_port = free_ports(1)[0]
    constant = subprocess.Popen([sys.executable, "-m", "bench.rest_proxy", "--constant", str(constant_port)])
    found = {(name, *each): Series() for name in ("constant", "proxy") for each in CASES}
    bare: list[float] = []
    try:
        with Broker(folder / "kafka") as broker, ProxyProcess(folder, broker.bootstrap) as proxy:
            broker.create_topic(TOPIC)
            url = f"http://127.0.0.1:{constant_port}/topics/{TOPIC}"
            wait_for(lambda: _answers(url), 15, "the constant server")
            ports = {"constant": constant_port, "proxy": proxy.port}
            load(proxy.port, folder / "100.lua", 8, 2)  # the broker's JVM gets warm
            for _ in range(rounds):
                bare.append(bare_producer(broker.bootstrap, seconds))
                for (name, connections, records), series in found.items():
                    rate, p99 = load(ports[name], folder / f"{records}.lua", connections, seconds)
                    series.rate.append(rate)
                    series.p99.append(p99)
            memory = proxy.memory()
    finally:
        constant.terminate()
        constant.wait(10)
    report.add(PRODUCER, {"records/s": bare})
    for connections, records in CASES:
        base, proxied = found["constant", connections, records], found["proxy", connections, records]
        measures = {
            "constant, req/s": base.rate,
            "proxy, req/s": proxied.rate,
            "proxy, records/s": [rate * records for rate in proxied.rate],
            "proxy, p99 ms": proxied.p99,
        }
        report.add(case(connections, records), measures)
    report.add("the proxy's memory", {"MB": [memory / 2**20]})


def _answers(url: str) -> bool:
    try:
        return requests.post(url, data=b"x", timeout=5).ok
    except requests.ConnectionError:
        return False


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--constant", type=int, metavar="PORT", help="serve the constant baseline only")
    given = parser.parse_args()
    if given.constant:
        serve_constant(given.constant)
        return
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    report = Report("rest_proxy", TARGETS, given.record)
    with tempfile.TemporaryDirectory(prefix="bench-rest-proxy-") as folder:
        measure(2 if given.quick else given.seconds, 1 if given.quick else given.rounds, Path(folder), report)
    report.close()


if __name__ == "__main__":
    main()
