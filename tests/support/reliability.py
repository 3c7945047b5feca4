"""``python -m tests.support.reliability``: docs/reliability.md out of what the drills found (``make drills`` does it).

A drill that was run twice is told by its last run; the words around the table are written by hand, here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from bench.report import figures, machine
from tests.support.drills import RESULTS, SEED, Result
from tests.support.pipeline import ROOT

PAGE = ROOT / "docs" / "reliability.md"
TEXT = """\
# Reliability

`make drills` tries to break what must always hold and writes this page: every acknowledged record is in its topic;
topic = lake + dead letters + tombstones; lake = clean + superseded + quarantined; nothing is anywhere twice. Each
record is looked up by its coordinate (topic, partition, offset) where it lies, not by what a part says of itself.
*Records* is how many were there to be lost when the drill's account was made; drills that share a stack go on with the
records of those before. *Recovery* is from the kill until the part answers and a record acknowledged after that has
gone through the sink, without a hand unless the note says so.

Run on {day}, seed {seed}, {machine}.

| drill | times | records | lost | twice | recovery, s (min / median / max) | |
|---|---:|---:|---:|---:|---|---|
{rows}

With more of it, each alone on a quiet machine, on 2026-11-22: 20 kills of the stream job (66 000 records, 8 splits and
7 merges) and 20 of a query on the fake Kinesis (75 260 records), 0 lost and 0 twice both (`PIN_STREAM_KILLS=20 make
drills ARGS="-k of_the_stream_job"`, `PIN_KINESIS_KILLS=20 make drills ARGS="-k read_again_has"`). In `make test`,
and so not above: 72 kinds of dirt through Kinesis (`tests/e2e/test_streaming.py`), a full disk under the spool
(`tests/kinesis/test_faults.py`), and that nothing listens outside loopback (`tests/e2e/test_safety.py`).

## What is lost, by nature

LocalStack keeps everything in memory. When it dies, what lay in Kinesis alone is gone, and the table counts it; the
emulator can send it again. The bucket is gone too, the tables in it included, and loses nothing: the lake fills again
from the topics, and the next batch makes the tables anew.

## What a person must do

Nothing, but for supervisord itself: nobody is there to start it again. Its parts go on without it until `pinpipe up`,
which ends them and starts everything. In containers, after LocalStack's death, `docker compose up --wait` provisions.

## What the drills found

* Posts that arrived while a new LocalStack was being provisioned became the first objects in the new bucket. It was
  not empty then, and the old records never came back. Now the connector stands still until it fills.
* supervisord started a dead LocalStack, and nobody provisioned it. Now `pinpipe/reprovision.py` does.
* After supervisord's death `pinpipe up` found the ports in use, by its own parts. Now it ends them first.
* An object with a name such as `a+b+c.json` below `topics/` would have stopped every batch. Now it is left where it is.
* The first new posts after a repeated one ended the stream job: Spark had replaced rows of the version to which they
  were to be appended. Now the job looks at the table again after each merge.
* After a kill -9 of Airflow's scheduler its workers lived on, and no new one started: Debian's `sh` does not know
  `kill -9 -- -GROUP`. Now it is `kill -s KILL`.
* A batch that took over from a killed one could end with an error of Spark's, which refuses to close a session between
  an operation's end and the note of it; and what the dead one was writing might have been written beside it, unseen.
  Now it waits until nothing is done in that session any more.

## With the fix taken out

Seen red: a killed LocalStack, without `pinpipe/reprovision.py`; a killed batch, and what a dead client left
(`tests/e2e/test_interrupted.py`), without the wait until it has ended; a killed scheduler, with the `kill` of before;
two thousand connections, with the REST proxy's time-outs set to an hour; the lake's objects
(`tests/spark/test_lake_objects.py`), with their names taken as before; the soak of the stream job, and
`tests/spark/test_stream_settler.py`, before the table was looked at again after a merge. For ten faults of Kinesis:
[the source's README](../pyspark_kinesis/README.md#how-it-was-tested).
"""


def row(result: Result) -> str:
    """A result as a line of the table."""
    told = len(set(result.seconds))
    seconds = figures(result.seconds, ".1f") if told > 1 else format(result.seconds[0], ".1f") if told else "-"
    cells = (result.drill, result.times, f"{result.records:,}".replace(",", " "), result.lost, result.twice, seconds)
    return f"| {' | '.join(map(str, cells))} | {result.note} |"


def main() -> None:
    """Write the page."""
    results = {found.drill: found for found in (Result(**json.loads(line)) for line in RESULTS.open())}
    rows = "\n".join(map(row, results.values()))
    day = datetime.now(UTC).date().isoformat()
    PAGE.write_text(TEXT.format(day=day, seed=SEED, machine=machine(), rows=rows))


if __name__ == "__main__":
    main()
