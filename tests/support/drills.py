"""What the drills share: posts on their way while something breaks, the account of every record, the results.

``PIN_DRILL_KILLS`` sets how often each part is killed, ``PIN_DRILL_SEED`` when. Each drill appends what it found to
``.pinpipe/drills.jsonl``, of which ``python -m tests.support.reliability`` makes docs/reliability.md.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import requests
from botocore.exceptions import BotoCoreError, ClientError

from pinpipe import delta, kafka, lake
from pinpipe.aws import invoke_url
from pinpipe.errors import PinpipeError
from pinpipe.settings import TABLES, Settings
from pinpipe.stack import Stack, answers
from producer import emulator, order
from producer.database import Database
from producer.errors import ProducerError
from producer.http_sender import Batch, Failure
from producer.rest_sender import RestSender
from tests.support.connect import wait_until
from tests.support.pipeline import ROOT, Pipeline

KILLS = int(os.environ.get("PIN_DRILL_KILLS", "1"))
SEED = int(os.environ.get("PIN_DRILL_SEED", "20261121"))
RESULTS = ROOT / ".pinpipe" / "drills.jsonl"
RECOVERY_SECONDS = 180.0
"""How long anything may take until records flow again, on a busy machine with two cores."""

Coordinate = tuple[str, int, int]
"""Topic, partition, offset."""


@dataclass(frozen=True)
class Result:
    """What a drill found: how often it broke something, the records it can account for, those lost and those there
    twice, the seconds each recovery took, and what else is to be said.
    """

    drill: str
    times: int
    records: int
    lost: int
    twice: int
    seconds: Sequence[float] = ()
    note: str = ""


def record(result: Result) -> None:
    """Append a result to the file and print it."""
    RESULTS.parent.mkdir(exist_ok=True)
    line = json.dumps(asdict(result))
    with RESULTS.open("a") as file:
        file.write(line + "\n")
    print(f"\n{line}")


def chance(name: str) -> random.Random:
    """The random moments of a drill: the same for the same seed and name."""
    return random.Random(f"{SEED} {name}")


class _Recording(RestSender):
    """A sender that keeps the coordinate and the key of every acknowledged record."""

    acknowledged: dict[Coordinate, int]

    def _results(self, answer: requests.Response, batch: Batch) -> list[Failure | None] | None:
        found = super()._results(answer, batch)
        if found is None:
            return None
        topic = self.address.rpartition("/")[2]
        for sent, entry, failure in zip(batch.pending, answer.json()["offsets"], found, strict=True):
            if failure is None:
                self.acknowledged[topic, entry["partition"], entry["offset"]] = sent.key
        return found


@dataclass
class Posting:
    """The emulator within this process, sending posts through the gateway into Kafka until it is left.

    When it gives up, as it does once the API's address is another, it is started again and goes on behind where it was.
    ``acknowledged`` has the key of every record that was acknowledged; ``starts`` is how often it was started.
    """

    pipeline: Pipeline
    acknowledged: dict[Coordinate, int] = field(default_factory=dict)
    pause: float = 0.25
    starts: int = 0
    told: str = ""

    def __enter__(self) -> Posting:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        before = len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) > before, f"posts are on their way: {self.told}", seconds=60)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
        assert not self._thread.is_alive()

    def _rest(self, *_: object) -> None:
        self._stop.wait(self.pause)

    def _run(self) -> None:
        settings: Settings = self.pipeline.settings()
        draws = order.course_order()
        while not self._stop.is_set():
            self.starts += 1
            senders = []
            try:
                with Database(settings.mysql_url.get_secret_value(), stop=self._stop) as database:
                    api, keys = invoke_url(settings), set(database.keys())
                    for table in TABLES:
                        sender = _Recording(f"{api}", settings.topic(table), table, stop=self._stop)
                        sender.acknowledged = self.acknowledged
                        senders.append(sender)
                    emulator.post(
                        database,
                        senders,
                        (draw for draw in draws if draw.ind in keys),
                        batch_size=10,
                        on_progress=self._rest,
                        stop=self._stop,
                    )
            except (ProducerError, PinpipeError, BotoCoreError, ClientError) as error:
                self.told = str(error)
                self._stop.wait(0.5)
            finally:
                for sender in senders:
                    sender.close()


def pid(pipeline: Pipeline, part: str) -> int:
    """The process of a part, as supervisord has it."""
    return Stack(pipeline.settings()).states()[part].pid


def kill(pipeline: Pipeline, *parts: str) -> dict[str, int]:
    """Kill parts at once with -9; return the processes that they were."""
    killed = {part: pid(pipeline, part) for part in parts}
    assert all(killed.values()), f"not all of them run: {killed}"
    for process in killed.values():
        os.kill(process, signal.SIGKILL)
    return killed


def wait_until_recovered(pipeline: Pipeline, killed: dict[str, int], posting: Posting) -> float:
    """Wait until supervisord has started the parts again, they answer, and a record that is acknowledged from then on
    has gone through the sink; return how long that took.
    """
    settings, started = pipeline.settings(), time.monotonic()

    def run_again() -> bool:
        states = Stack(settings).states()
        return all(states[part].pid not in (0, process) for part, process in killed.items())

    wait_until(run_again, f"supervisord starts {', '.join(killed)} again", RECOVERY_SECONDS)
    wait_until(lambda: all(answers(settings, killed).values()), f"{', '.join(killed)} answers", RECOVERY_SECONDS)
    wait_until_flowing(settings, posting)
    return time.monotonic() - started


def wait_until_flowing(settings: Settings, posting: Posting) -> None:
    """Wait until a record that is acknowledged from now on has gone through the sink."""
    before = len(posting.acknowledged)
    wait_until(lambda: len(posting.acknowledged) > before, "a record is acknowledged", RECOVERY_SECONDS)
    topic, partition, offset = list(posting.acknowledged)[-1]

    def through() -> bool:
        try:
            return kafka.sink_offsets(settings).get((topic, partition), 0) > offset
        except (PinpipeError, KeyError, ValueError):
            return False  # Connect starts, or takes its tasks anew

    wait_until(through, "it has gone through the sink", RECOVERY_SECONDS, every=0.3)


@dataclass(frozen=True)
class Account:
    """Where every record is: how many the topics hold, how many are lost by the place they should be at, and how many
    are twice, by place.
    """

    records: int
    lost: dict[str, int]
    twice: dict[str, int]

    def result(self, drill: str, times: int, seconds: Sequence[float] = (), note: str = "") -> Result:
        lost, twice = sum(self.lost.values()), sum(self.twice.values())
        return Result(drill, times, self.records, lost, twice, [round(one, 1) for one in seconds], note)

    def check(self) -> None:
        assert (self.lost, self.twice) == ({}, {})


def account(pipeline: Pipeline, acknowledged: dict[Coordinate, int], tables: bool = False) -> Account:
    """Wait for the sink, then read every record where it lies: in the topics and the lake, with ``tables`` also in each
    table, after a batch.
    """
    pipeline.wait_for_sink()
    if tables:
        pipeline.run("batch")
    settings = pipeline.settings()
    lost, twice = Counter[str](), Counter[str]()

    def compare(place: str, wanted: set[Any], found: Iterable[Any]) -> None:
        times = Counter(found)
        lost[place] += len(wanted - times.keys())
        lost[f"{place}, known nowhere before"] += len(times.keys() - wanted)
        twice[place] += sum(count - 1 for count in times.values())

    dead = {
        (headers["__connect.errors.topic"], int(headers["__connect.errors.partition"]),
         int(headers["__connect.errors.offset"]))
        for message in kafka.read_topic(settings, settings.dead_letter_topic)
        for headers in [{name: value.decode() for name, value in message.headers() or () if isinstance(value, bytes)}]
    }  # fmt: skip
    records = 0
    for table in TABLES:
        topic = settings.topic(table)
        keys: dict[Coordinate, bytes | None] = {}
        elsewhere = set()
        for message in kafka.read_topic(settings, topic):
            where = (topic, message.partition() or 0, message.offset() or 0)
            keys[where] = message.key()
            if message.value() is None or where in dead:
                elsewhere.add(where)
        records += len(keys)
        mine = {where: str(key).encode() for where, key in acknowledged.items() if where[0] == topic}
        lost["topic"] += sum(keys.get(where) != key for where, key in mine.items())
        in_lake = keys.keys() - elsewhere
        compare("lake", in_lake, ((topic, *where) for where in lake.offsets(settings, table)))
        if not tables:
            continue
        compare("raw", in_lake, _coordinates(settings, f"raw/{table}"))
        settled = [
            where
            for place in (f"batch/{table}", "superseded/batch", "quarantine/batch")
            for where in _coordinates(settings, place)
            if where[0] == topic
        ]
        compare("clean, superseded and quarantined", in_lake, settled)
        inds = _column(settings, f"batch/{table}", "ind")
        twice["post in a clean table"] += len(inds) - len(set(inds))
    if tables:
        runs = list(zip(*(_column(settings, "runs/batch", name) for name in ("run_id", "table")), strict=True))
        twice["run in runs"] += len(runs) - len(set(runs))
    return Account(records, dict(+lost), dict(+twice))


def ended(client: subprocess.Popen[str]) -> str:
    """Wait for a command that something happened to: it ends well, or with one line and no trace. Returns which."""
    _, complaint = client.communicate(timeout=600)
    assert client.returncode in (0, 1)
    assert "Traceback" not in complaint, complaint
    first = complaint.replace(f"{ROOT}/", "").strip().partition("\n")[0]
    return "well" if client.returncode == 0 else f'with "{first[:120]}"'


def streamed(pipeline: Pipeline) -> tuple[int, int]:
    """How many different records of the streams are in the stream's tables, and how many are there twice."""
    settings = pipeline.settings()
    places = [*(f"stream/{settings.pin_user_id}_{table}_table" for table in TABLES), "superseded/stream",
              "quarantine/stream"]  # fmt: skip
    found = [
        (source["stream"], source["sequence"]) for place in places for source in _column(settings, place, "_source")
    ]
    return len(set(found)), len(found) - len(set(found))


def _column(settings: Settings, path: str, name: str) -> list[Any]:
    table = delta.open_table(settings, path)
    return [] if table is None else table.to_pyarrow_table(columns=[name])[name].to_pylist()


def _coordinates(settings: Settings, path: str) -> list[Coordinate]:
    sources = _column(settings, path, "_source")
    return [(source["topic"], source["partition"], source["offset"]) for source in sources]
