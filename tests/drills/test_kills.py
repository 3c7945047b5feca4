"""kill -9 of each part at random moments while posts come in, alone and in pairs: nothing lost, nothing twice, and
without a hand.

After each kill the parts must be started again, and a record that is acknowledged from then on must reach the lake.
After the kills of a part every record that was ever acknowledged is looked up in the topics and the lake; after those
of all, and a last batch, also in the raw tables and in exactly one of the cleaned, superseded and quarantined rows.
"""

from __future__ import annotations

import os
import signal
import time

import pytest

from pinpipe.airflow import Airflow
from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES
from pinpipe.stack import PARTS, Stack
from pinpipe.status import memory_mb
from tests.support import drills
from tests.support.connect import wait_until
from tests.support.drills import KILLS, RECOVERY_SECONDS, Coordinate, Posting, account, chance, record
from tests.support.pipeline import HOME, OTHER_STREAM_PORT, Pipeline

pytestmark = [pytest.mark.drill, pytest.mark.timeout(1800)]

VICTIMS = ("mysql", "kafka", "connect", "rest-proxy", "localstack", "spark")
FROZEN_SECONDS = 120
PAIRS = (
    ("kafka", "connect"),
    ("kafka", "rest-proxy"),
    ("kafka", "localstack"),
    ("localstack", "connect"),
    ("localstack", "spark"),
    ("mysql", "rest-proxy"),
)


@pytest.fixture(scope="module")
def pipeline(stack: Pipeline) -> Pipeline:
    stack.run("seed", "--rows", "1500")
    mine = Pipeline("killed")
    mine.run("provision")
    # the recovery of one user is timed, as a person has it
    (HOME / "run" / "provisioned" / f"{stack.user}.json").unlink()
    return mine


@pytest.fixture(scope="module")
def acknowledged() -> dict[Coordinate, int]:
    """Every record that was acknowledged in this module; each check looks all of them up."""
    return {}


@pytest.mark.parametrize("part", VICTIMS)
def test_a_part_that_is_killed_loses_and_doubles_nothing(
    pipeline: Pipeline, acknowledged: dict[Coordinate, int], part: str
) -> None:
    moments, seconds = chance(part), []
    with Posting(pipeline, acknowledged) as posting:
        for number in range(KILLS):
            # in the first one's way is a batch: it ends with one line
            client = pipeline.start("batch") if part in ("localstack", "spark") and number == 0 else None
            time.sleep(moments.uniform(8, 25) if client else moments.uniform(1, 4))
            seconds.append(drills.wait_until_recovered(pipeline, drills.kill(pipeline, part), posting))
            if client:
                drills.ended(client)
    found = account(pipeline, acknowledged)
    record(found.result(f"kill -9 of {part}", KILLS, seconds))
    found.check()


def test_a_localstack_that_stands_still_for_a_while_is_waited_for(
    pipeline: Pipeline, acknowledged: dict[Coordinate, int]
) -> None:
    process = drills.pid(pipeline, "localstack")
    with Posting(pipeline, acknowledged) as posting:
        client = pipeline.start("batch")
        time.sleep(chance("freeze").uniform(10, 20))
        os.killpg(process, signal.SIGSTOP)
        try:
            time.sleep(FROZEN_SECONDS)
            memory = {part: memory_mb(drills.pid(pipeline, part)) or 0 for part in ("connect", "rest-proxy")}
        finally:
            os.killpg(process, signal.SIGCONT)
        thawed = time.monotonic()
        drills.wait_until_flowing(pipeline.settings(), posting)
        seconds = time.monotonic() - thawed
        ended = drills.ended(client)
    assert drills.pid(pipeline, "localstack") == process
    found = account(pipeline, acknowledged)
    held = ", ".join(f"{part} {mb} MB" for part, mb in memory.items())
    note = f"the batch that ran ended {ended}; memory meanwhile: {held}"
    record(found.result(f"LocalStack frozen for {FROZEN_SECONDS} s", 1, [seconds], note))
    found.check()
    assert memory["connect"] < 600
    assert memory["rest-proxy"] < 200


def test_two_parts_that_are_killed_at_once_lose_and_double_nothing(
    pipeline: Pipeline, acknowledged: dict[Coordinate, int]
) -> None:
    moments, seconds = chance("pairs"), []
    with Posting(pipeline, acknowledged) as posting:
        for pair in PAIRS:
            time.sleep(moments.uniform(1, 4))
            seconds.append(drills.wait_until_recovered(pipeline, drills.kill(pipeline, *pair), posting))
    found = account(pipeline, acknowledged)
    record(found.result("kill -9 of two at once: " + ", ".join(map(" and ".join, PAIRS)), len(PAIRS), seconds))
    found.check()


def test_a_batch_that_is_killed_is_taken_over(pipeline: Pipeline, acknowledged: dict[Coordinate, int]) -> None:
    moments, seconds = chance("batch"), []
    with Posting(pipeline, acknowledged):
        for _ in range(KILLS):
            client = pipeline.start("batch")
            time.sleep(moments.uniform(3, 20))
            client.kill()
            client.communicate()
            started = time.monotonic()
            pipeline.run("batch")
            seconds.append(time.monotonic() - started)
    found = account(pipeline, acknowledged)
    record(found.result("kill -9 of the batch's client", KILLS, seconds, "recovery is the whole next batch"))
    found.check()


def test_an_emulator_that_is_killed_loses_nothing_that_it_had_sent(
    pipeline: Pipeline, acknowledged: dict[Coordinate, int]
) -> None:
    moments, seconds = chance("emulator"), []
    held = pipeline.in_topics()
    for _ in range(KILLS):
        client = pipeline.start("post", "--count", "100000", "--batch-size", "10")
        wait_until(lambda held=held: pipeline.in_topics() > held, "it sends", every=0.3)
        time.sleep(moments.uniform(0, 3))
        client.kill()
        client.communicate()
        held = pipeline.in_topics()
        started = time.monotonic()
        pipeline.run("post", "--count", "10")
        seconds.append(time.monotonic() - started)
    found = account(pipeline, acknowledged)
    record(found.result("kill -9 of the emulator", KILLS, seconds, "recovery is ten posts of the next one"))
    found.check()


def test_a_scheduler_that_is_killed_goes_on_with_the_days_run(
    pipeline: Pipeline, acknowledged: dict[Coordinate, int]
) -> None:
    airflow_parts = [part.name for part in PARTS if part.group == "airflow"]
    pipeline.run("up", *airflow_parts)
    moments, seconds = chance("airflow-scheduler"), []
    settings = pipeline.settings()
    try:
        with Posting(pipeline, acknowledged, pause=2) as posting:
            airflow = Airflow(settings)
            run = airflow.trigger()
            wait_until(lambda: "running" in airflow.tasks(run).values(), "a task runs", RECOVERY_SECONDS, every=1)
            for _ in range(KILLS):
                time.sleep(moments.uniform(1, 15))
                killed = drills.kill(pipeline, "airflow-scheduler")
                seconds.append(drills.wait_until_recovered(pipeline, killed, posting))
            assert airflow.wait(run) == "success"
    finally:
        pipeline.run("down", *airflow_parts)
    found = account(pipeline, acknowledged)
    record(found.result("kill -9 of Airflow's scheduler in a run", KILLS, seconds, "the run ended in success"))
    found.check()


def test_a_stack_whose_supervisord_is_killed_is_whole_after_up(
    pipeline: Pipeline, acknowledged: dict[Coordinate, int]
) -> None:
    moments, seconds = chance("supervisord"), []
    parts = [name for name, state in Stack(pipeline.settings()).states().items() if state.pid]
    with Posting(pipeline, acknowledged) as posting:
        for _ in range(KILLS):
            time.sleep(moments.uniform(1, 4))
            os.kill(int((pipeline.settings().pin_home / "run" / "supervisord.pid").read_text()), signal.SIGKILL)
            time.sleep(moments.uniform(0, 3))
            started = time.monotonic()
            pipeline.run("up", *parts)
            drills.wait_until_flowing(pipeline.settings(), posting)
            seconds.append(time.monotonic() - started)
    found = account(pipeline, acknowledged)
    record(found.result("kill -9 of supervisord", KILLS, seconds, "by hand: `pinpipe up`; the time is from then on"))
    found.check()


def test_after_all_of_them_the_batch_has_every_record_in_one_place(
    pipeline: Pipeline, acknowledged: dict[Coordinate, int]
) -> None:
    found = account(pipeline, acknowledged, tables=True)
    record(found.result("the tables after all kills above", 1, note="a batch, then every table row by row"))
    found.check()
    assert found.records > 100 * KILLS


def test_what_lay_in_kinesis_alone_is_gone_with_localstack_and_can_be_sent_again(
    pipeline: Pipeline, acknowledged: dict[Coordinate, int]
) -> None:
    streaming = pipeline.with_(STREAM_PORT=str(OTHER_STREAM_PORT))
    pipeline.run("post", "--count", "100", "--to", "kinesis")
    held = in_streams(pipeline)
    with Posting(pipeline, acknowledged) as posting:
        killed = drills.kill(pipeline, "localstack")
        seconds = drills.wait_until_recovered(pipeline, killed, posting)
    gone = held - in_streams(pipeline)
    pipeline.run("post", "--count", "100", "--to", "kinesis")
    driver = streaming.start("stream")
    time.sleep(chance("stream").uniform(20, 60))
    driver.kill()
    driver.communicate()
    streaming.run("stream", "--available-now")
    settled, twice = drills.streamed(pipeline)
    note = (
        f"{gone} lay in Kinesis alone, which LocalStack keeps in memory: gone by nature, and sent again; "
        "the stream job was killed once while it took them in"
    )
    record(drills.Result("kill -9 of LocalStack with records in Kinesis", 1, held + settled, gone, twice,
                         [round(seconds, 1)], note))  # fmt: skip
    assert (held, gone, settled, twice) == (300, 300, 300, 0)


def in_streams(pipeline: Pipeline) -> int:
    """The records that the three streams hold."""
    settings = pipeline.settings()
    kinesis, found = AwsAccess.of(settings).kinesis(), 0
    for stream in map(settings.stream, TABLES):
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
            place = kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            found += len(kinesis.get_records(ShardIterator=place, Limit=10_000)["Records"])
    return found
