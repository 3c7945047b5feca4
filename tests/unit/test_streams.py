"""What a person is told of a query that failed: the cause, and neither Spark's frame nor a trace."""

from __future__ import annotations

import pytest

from pinpipe.streams import reason

pytestmark = pytest.mark.unit

IN_BATCH = """\
[STREAM_FAILED] Query [id = 379e] terminated with exception: Return Message: Traceback (most recent call last):
  File "py4j/clientserver.py", line 644, in _call_proxy
    return_value = getattr(self.pool[obj_id], method)(*params)
                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
_internal.CommitFailedError: Failed to commit transaction: a concurrent transaction deleted data
Help: This transaction's query must be rerun
 SQLSTATE: 39000
"""
IN_SOURCE = """\
[STREAM_FAILED] Query [id = 379e] terminated with exception: Traceback (most recent call last):
  File "stream_reader.py", line 90, in latestOffset
    raise explained(error)
pyspark_kinesis.errors.DataLossError: stream pins, shard 0: records are gone

  pyspark_kinesis.errors.DataLossError: stream pins, shard 0: records are gone: begin anew
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (IN_BATCH, "_internal.CommitFailedError: Failed to commit transaction: a concurrent transaction deleted data"),
        (
            IN_SOURCE,
            "pyspark_kinesis.errors.DataLossError: stream pins, shard 0: records are gone: begin anew",
        ),
        ("\n  [STREAM_FAILED] no room\n  at org.apache.Spark\n", "[STREAM_FAILED] no room"),
    ],
    ids=["in a micro-batch", "in the source", "in Spark"],
)
def test_a_failed_query_is_told_by_its_cause(text: str, told: str) -> None:
    assert reason(text) == told
