"""``spark.read``: everything from a position up to what is there now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from pyspark.sql.datasource import DataSourceReader, InputPartition

from pyspark_kinesis import streams, wire
from pyspark_kinesis.client import client_for
from pyspark_kinesis.cursor import ShardCursor
from pyspark_kinesis.errors import OptionError
from pyspark_kinesis.options import Options
from pyspark_kinesis.plan import MAX_TASKS
from pyspark_kinesis.position import Latest, Position, TrimHorizon
from pyspark_kinesis.ranges import Pacer

if TYPE_CHECKING:
    import pyarrow as pa


class ShardPartition(InputPartition):
    """Shards that one task reads, each as (stream, shard id, position), up to what arrived by ``arrived_ms``."""

    def __init__(self, shards: Sequence[tuple[str, str, Position]], arrived_ms: int) -> None:
        super().__init__(None)
        self.shards = tuple(shards)
        self.arrived_ms = arrived_ms


class KinesisBatchReader(DataSourceReader):
    """One read. Each task reads its shards from Kinesis itself, in the order of their ids."""

    def __init__(self, options: Options) -> None:
        """``OptionError`` for a read that would begin where it ends."""
        if isinstance(options.initial, Latest):
            raise OptionError(
                "initialPosition=latest makes an empty batch: use trim_horizon, at_timestamp, or readStream"
            )
        self._options = options

    def partitions(self) -> list[InputPartition]:
        options = self._options
        client = client_for(options.connection)
        found: list[tuple[str, str, Position]] = []
        for stream in options.streams:
            position = streams.begin(client, stream, options.initial or TrimHorizon(), options).initial
            listed = client.list_shards(stream, options.max_shards_per_describe)
            found += [(stream, shard_id, position) for shard_id in sorted(shard.shard_id for shard in listed)]
        arrived_ms = client.now_ms() + 1000  # the answer's time is cut to the second
        count = min(options.max_partitions or MAX_TASKS, len(found))
        if options.shards_per_task is not None:
            count = -(-len(found) // options.shards_per_task)
        bounds = [len(found) * place // count for place in range(count + 1)]
        return [ShardPartition(found[a:b], arrived_ms) for a, b in pairwise(bounds)]

    def read(self, partition: InputPartition) -> Iterator[pa.RecordBatch]:
        assert isinstance(partition, ShardPartition)
        for stream, shard_id, position in partition.shards:
            yield from self._shard(stream, shard_id, position, partition.arrived_ms)

    def _shard(self, stream: str, shard_id: str, position: Position, arrived_ms: int) -> Iterator[pa.RecordBatch]:
        client = client_for(self._options.connection)
        cursor = ShardCursor(
            client, stream, shard_id, position,
            limit=self._options.max_records_per_fetch, fail_on_data_loss=self._options.fail_on_data_loss,
        )  # fmt: skip
        pacer = Pacer(self._options)
        while not cursor.ended:
            page = pacer.read(cursor)
            if page.caught_up:
                return
            if page.batch is None:
                continue
            late = (wire.arrived_ms(page.batch) > arrived_ms).nonzero()[0]
            yield page.batch.slice(0, int(late[0]) if len(late) else page.rows)
            if len(late):
                return
