"""Spark sessions with Delta and S3A, and the configuration that the Connect server starts with.

``SPARK_REMOTE`` names a Spark Connect server; unset, the session is in this process. Both get the same
configuration. ``python -m spark_jobs.session`` prints it as a properties file.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from pinpipe import settings as pinpipe_settings
from pinpipe.aws import AwsAccess
from pinpipe.settings import ROOT, Settings
from spark_jobs.errors import SessionLeft

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.connect.client import SparkConnectClient

JARS = ROOT / ".pinpipe" / "jars" / "spark"
"""Delta and S3A, fetched by set-up (services/spark/pom.xml); nothing is downloaded at run time."""

CLASS_ARCHIVE = JARS.with_name("spark-classes.jsa")
"""Spark's classes as a JVM maps them into memory, made by set-up (:mod:`spark_jobs.class_archive`)."""

# A cold session's first write and merge into Delta, in s: 34-38 without the archive, 24-27 with it. One that is not
# there or does not fit is passed over, which is not worth a line in each log.
FROM_ARCHIVE = f"-XX:SharedArchiveFile={CLASS_ARCHIVE} -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off"

JAVA_OPTIONS = (
    # a query that is stopped looks through the text of its exception with a recursive pattern: 1 MB of stack, the
    # default, is not enough for it
    "-Xss4m "
    # The optimizing compiler's thresholds times 4 to 10: by default it takes a third of a first batch's CPU time.
    "-XX:+UseSerialGC -XX:Tier4InvocationThreshold=20000 -XX:Tier4MinInvocationThreshold=4000 "
    "-XX:Tier4CompileThreshold=50000 -XX:Tier4BackEdgeThreshold=150000 "
    f"-Dlog4j2.configurationFile={ROOT}/services/spark/log4j2.properties"
)


ONE_PUT = {
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.internal.io.cloud.AbortableStreamBasedCheckpointFileManager"
    )
}
"""How a checkpoint's files are written on an object store: a rename there is a copy and a deletion."""

END_SECONDS = 60.0
"""How long what a dead client left on the server may take to end."""

OF_THE_MACHINES = ("spark.master", "spark.driver.", "spark.ui.", "spark.default.parallelism")
"""How the names of those settings begin that are about where Spark runs and not about the work."""


def configuration(settings: Settings) -> dict[str, str]:
    """Spark's settings for two cores, Delta tables and objects on S3."""
    return {
        "spark.master": "local[2]",
        "spark.driver.memory": settings.pin_spark_memory,
        "spark.driver.extraJavaOptions": f"{FROM_ARCHIVE} {JAVA_OPTIONS}",
        # must be there before the JVM starts; java itself expands the star
        "spark.driver.extraClassPath": f"{JARS}/*",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        # with the default, 200, the answers take up to twice the time
        "spark.sql.shuffle.partitions": "2",
        "spark.default.parallelism": "2",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        # the default makes 50 tasks of each snapshot, of which a batch takes some thirty
        "spark.databricks.delta.snapshotPartitions": "1",
        # A batch has hundreds of generated classes: with the default, 100, each run makes and compiles them anew
        "spark.sql.codegen.cache.maxEntries": "1000",
        # the default, 10000, makes a task of each object that a load finds new
        "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
        # a driver killed in its first write leaves a temporary file, which the check takes for another query's
        "spark.sql.streaming.verifyCheckpointDirectoryEmptyOnStart": "false",
        **AwsAccess.of(settings).s3a(),
    }


def session(settings: Settings, token: str | None = None, session_id: str | None = None) -> SparkSession:
    """A Spark session: on the server of ``SPARK_REMOTE``, or in this process when that is unset.

    ``token`` is the server's, if it asks for one. ``session_id`` (a UUID) names the session on the server, so that
    another client can end what a dead one left there.
    """
    from pyspark.sql import SparkSession

    if settings.spark_remote:
        from pyspark.sql.connect.client.retries import DefaultPolicy

        if token:
            # by the environment and not in the address: addresses end up in error texts
            os.environ["SPARK_CONNECT_AUTHENTICATE_TOKEN"] = token
        spark = SparkSession.builder.remote(_address(settings.spark_remote, session_id)).create()
        # A server that was killed is back within seconds and does not know the session: by default the client looks
        # again after 13, 51 and 60 s, and so waits a minute for its error.
        spark.client.set_retry_policies([DefaultPolicy(max_retries=30, max_backoff=2000)])
        return spark
    return in_process(configuration(settings))


def own_session(settings: Settings) -> SparkSession:
    """The stream job's session: in this process whatever ``SPARK_REMOTE`` says, with a heap of its own.

    Each micro-batch leaves a small file: :mod:`spark_jobs.beside` puts them together.
    """
    return in_process(
        {
            **configuration(settings),
            "spark.driver.memory": settings.pin_stream_memory,
            # how long a new Python worker may take to call back; 15 s, the default, fails the query on a busy laptop
            "spark.python.authenticate.socketTimeout": "60s",
            "spark.sql.adaptive.enabled": "false",
            "spark.sql.shuffle.partitions": "1",
            **(ONE_PUT if settings.checkpoint_path.startswith("s3a:") else {}),
        }
    )


def in_process(configuration: dict[str, str]) -> SparkSession:
    """A session in this process, with this configuration; where spark-submit or Databricks have started Spark already,
    with theirs of the machines."""
    from pyspark.sql import SparkSession

    os.environ.pop("SPARK_REMOTE", None)  # empty means unset to us, and a server without a name to PySpark
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # the Python workers find pyspark_kinesis beside this package
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    builder = SparkSession.builder.appName("pinpipe")
    started = "PYSPARK_GATEWAY_PORT" in os.environ or SparkSession.getActiveSession() is not None
    for key, value in configuration.items():
        if not (started and key.startswith(OF_THE_MACHINES)):
            builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def _address(remote: str, session_id: str | None) -> str:
    if session_id is None:
        return remote
    return f"{remote.rstrip('/')}{'' if '/;' in remote else '/'};session_id={session_id}"


def end_session(settings: Settings, token: str | None, session_id: str) -> None:
    """End a session that a dead client left on the server, and wait until nothing is done in it any more.

    :class:`spark_jobs.errors.SessionLeft` when it goes on for :data:`END_SECONDS`.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql.connect.client import SparkConnectClient

    assert settings.spark_remote is not None  # without a server nothing outlives its client
    if token:
        os.environ["SPARK_CONNECT_AUTHENTICATE_TOKEN"] = token
    # the bare client: a whole session would become this process's active one
    client = SparkConnectClient(_address(settings.spark_remote, session_id))
    try:
        # An operation ends some time after its interruption, and what it was writing just then may still be written.
        # The server refuses to close a session between an operation's end and the note of it, too.
        interrupted = client.interrupt_all() or []
        Retrying(stop=stop_after_delay(END_SECONDS), wait=wait_fixed(0.1), retry=retry_if_result(bool))(
            _going_on, client, interrupted
        )
        client.release_session()
    except RetryError:
        raise SessionLeft(
            "the Spark server goes on with what a dead run began: end it by 'pinpipe down spark', then 'pinpipe up'"
        ) from None
    except PySparkException as error:
        if "SESSION" not in str(error):  # closed already, or unknown to a restarted server
            raise
    finally:
        client.close()


def _going_on(client: SparkConnectClient, operations: list[str]) -> bool:
    """Whether any of the operations has not ended."""
    from pyspark.sql.connect.proto import GetStatusResponse

    status = GetStatusResponse.OperationStatus
    # no public name leads there; servers tell the state since Spark 4.2
    found = client._get_operation_statuses(operations).operation_statuses if operations else ()
    return any(one.state in (status.OPERATION_STATE_RUNNING, status.OPERATION_STATE_TERMINATING) for one in found)


if __name__ == "__main__":
    for key, value in configuration(pinpipe_settings.load()).items():
        print(key, value)
