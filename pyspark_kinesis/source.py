"""``format("kinesis")``: the entry that Spark finds."""

from __future__ import annotations

import logging

from pyspark.sql.datasource import DataSource
from pyspark.sql.types import StructType

from pyspark_kinesis import options, schema
from pyspark_kinesis.batch_reader import KinesisBatchReader
from pyspark_kinesis.options import Options
from pyspark_kinesis.stream_reader import KinesisStreamReader

log = logging.getLogger(__name__)


class KinesisDataSource(DataSource):
    """``spark.readStream.format("kinesis")`` and ``spark.read.format("kinesis")``; README.md has the options."""

    @classmethod
    def name(cls) -> str:
        return "kinesis"

    def schema(self) -> str:
        # the options are checked here and not in streamReader: Spark hides an error of that behind one of its own
        for ignored in self._parsed().ignored:
            log.warning("kinesis: %s", ignored)
        return schema.DDL

    def reader(self, schema: StructType) -> KinesisBatchReader:
        return KinesisBatchReader(self._parsed())

    def streamReader(self, schema: StructType) -> KinesisStreamReader:
        return KinesisStreamReader(self._parsed())

    def _parsed(self) -> Options:
        return options.parse(dict(self.options))
