"""Writes the archive of classes that Spark's JVMs start with: ``python -m spark_jobs.class_archive``.

Loading and verifying classes is a third of the CPU time of a cold driver's first minute. A JVM that ends with
``-XX:ArchiveClassesAtExit`` leaves those that it loaded in a file, which others map into memory. So this runs a small
stream into Delta, as the jobs do. A JVM that the archive does not fit, another Java or other jars, loads them itself.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pydantic import SecretStr
from pyspark.sql import functions as F

from pinpipe.settings import Settings
from spark_jobs.cleaning import judge
from spark_jobs.merge import settle
from spark_jobs.session import CLASS_ARCHIVE, JAVA_OPTIONS, configuration, in_process
from spark_jobs.tables import Store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

INDS = (1, 2, 1, -1)
"""One record a micro-batch: two that are appended, one that is merged, one that is not valid."""


def write() -> None:
    """Replace the archive."""
    CLASS_ARCHIVE.unlink(missing_ok=True)
    nowhere = Settings(  # type: ignore[call-arg]
        _env_file=None,
        aws_endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="test",
        aws_secret_access_key=SecretStr("test"),
        spark_remote=None,
    )
    recording = {
        "spark.driver.extraJavaOptions": f"-XX:ArchiveClassesAtExit={CLASS_ARCHIVE} -Xlog:cds=off {JAVA_OPTIONS}",
        "spark.hadoop.fs.s3a.attempts.maximum": "1",
        "spark.hadoop.fs.s3a.retry.limit": "0",
    }
    with TemporaryDirectory() as folder:
        records = Path(folder) / "records"
        records.mkdir()
        user = {"first_name": "Ada", "last_name": "Byron", "age": 36, "date_joined": "2016-01-01T00:00:00"}
        for number, ind in enumerate(INDS):
            (records / f"{number}.json").write_text(json.dumps({"ind": ind, **user}))
        spark = in_process(configuration(nowhere) | recording)
        store = Store(folder, "stream", "archive")
        for place in (store.clean("user"), store.superseded, store.quarantine):
            place.create({})

        def settled(arrived: DataFrame, number: int) -> None:
            coordinate = {"stream": "s", "shard": "0", "sequence": f"{number}"}
            source = F.struct(*(F.lit(value).alias(name) for name, value in coordinate.items()))
            messages = arrived.select(F.col("value").cast("binary").alias("raw"), source.alias("_source"))
            settle(arrived.sparkSession, judge(messages, "user"), "user", store)

        lines = spark.readStream.option("maxFilesPerTrigger", 1).text(f"{records}")
        writer = lines.writeStream.option("checkpointLocation", f"{folder}/checkpoint").foreachBatch(settled)
        writer.trigger(availableNow=True).start().awaitTermination()
        with contextlib.suppress(Exception):  # for the classes on the way to S3; nothing is there
            spark.read.text("s3a://nowhere/nothing").collect()
        gateway = spark.sparkContext._gateway
        spark.stop()
    assert gateway is not None
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(120)  # the JVM writes the archive when it ends


if __name__ == "__main__":
    write()
