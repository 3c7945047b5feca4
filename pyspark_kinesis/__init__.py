"""``format("kinesis")`` for open-source PySpark 4.2: streams and batches of Amazon Kinesis, Databricks' options.

Spark finds ``DefaultSource`` by itself wherever this package is on the Python path of driver and workers; where its
search is off, ``spark.dataSource.register(KinesisDataSource)`` does the same.
"""

from pyspark_kinesis.errors import (
    CredentialsError,
    DataLossError,
    KinesisSourceError,
    OffsetError,
    OptionError,
    ServiceError,
    SpoolError,
    StreamRecreatedError,
)
from pyspark_kinesis.source import KinesisDataSource

DefaultSource = KinesisDataSource

__all__ = [
    "CredentialsError",
    "DataLossError",
    "DefaultSource",
    "KinesisDataSource",
    "KinesisSourceError",
    "OffsetError",
    "OptionError",
    "ServiceError",
    "SpoolError",
    "StreamRecreatedError",
]
