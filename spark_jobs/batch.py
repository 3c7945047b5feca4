"""The batch job: ``load`` objects into the raw tables, ``clean`` them, compute the ``answers``, and check the counts.

Thin wiring around the pure functions. Each step goes on where an earlier run stopped, and doing it again changes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import reduce
from typing import TYPE_CHECKING, TypeVar

import pyarrow as pa
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from pinpipe.aws import AwsAccess
from pinpipe.settings import OBJECT_NAME, TABLES, Settings
from spark_jobs import beside
from spark_jobs.answers import ANSWERS, Answer
from spark_jobs.cleaning import judge
from spark_jobs.errors import QueryFailed
from spark_jobs.merge import Settled, Step, settle
from spark_jobs.quality import Conservation
from spark_jobs.tables import Store, kept
from spark_jobs.tally import COLUMNS

if TYPE_CHECKING:
    from pyspark.sql import Column, SparkSession

T = TypeVar("T")
R = TypeVar("R")
Asked = tuple[DataFrame, DataFrame, DataFrame]

OBJECT = "path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY"

UNASKED = ("_source", "unique_id", "title", "description", "tag_list", "image_src", "save_location", "coordinates")
"""Columns that no question asks for."""


@dataclass(frozen=True)
class Batch:
    """The batch job's surroundings: a session, the settings, and who is told about each step."""

    spark: SparkSession
    settings: Settings
    step: Step = lambda name: None

    @property
    def store(self) -> Store:
        return Store(self.settings.tables_path, "batch", self.settings.pin_user_id)

    @property
    def _storage(self) -> dict[str, str]:
        return AwsAccess.of(self.settings).delta_rs()

    def prepare(self) -> None:
        """Create the tables that are not there yet."""
        tables = [self.store.superseded, self.store.quarantine, self.store.runs]
        for table in TABLES:
            tables += [self.store.raw(table), self.store.clean(table)]
        _together(lambda table: table.create(self._storage), tables)
        self.step("tables")

    def load(self) -> None:
        """Append every record of the objects that are new since the last time to the raw tables.

        Structured Streaming remembers which objects were read: three queries, a checkpoint each.
        """
        queries = {}
        for table in TABLES:
            # the folder, never *.json: with a glob every object becomes a root path of its own
            folder = f"s3a://{self.settings.bucket}/topics/{self.settings.topic(table)}"
            objects = (
                self.spark.readStream.format("binaryFile")
                .schema(OBJECT)
                .options(
                    pathGlobFilter="*+*+*.json",
                    recursiveFileLookup="true",  # no partition columns: somebody else's folder would contradict them
                )
            )
            writer = (
                messages(objects.load(folder))
                .writeStream.format("delta")
                .option("checkpointLocation", f"{self.settings.checkpoint_path}/load/{table}")
                .trigger(availableNow=True)
            )
            try:
                queries[table] = writer.start(self.store.raw(table).path)
            except AnalysisException as error:
                if error.getCondition() != "PATH_NOT_FOUND":  # the folder is there from the first object on
                    raise
                self.step(f"load {table}")
        for table, query in queries.items():
            query.awaitTermination()
            if failure := query.exception():
                raise QueryFailed(f"loading {table} failed: {str(failure).splitlines()[0]}")
            self.step(f"load {table}")

    def loaded(self) -> dict[str, int]:
        """How many messages each raw table holds: one query, which reads Delta's log alone."""
        counts = (
            self.store.raw(table).read(self.spark).agg(F.count("*").alias("n")).select(F.lit(table).alias("table"), "n")
            for table in TABLES
        )
        return {row["table"]: row["n"] for row in reduce(DataFrame.union, counts).collect()}

    def clean(self, table: str) -> Settled:
        """Settle the raw messages of a table that are nowhere yet."""
        store = self.store
        settled = _settled(self.spark, store, table)
        messages = store.raw(table).read(self.spark).dropDuplicates(["_source"]).join(settled, "_source", "left_anti")
        told = lambda name: self.step(f"clean {table}: {name}")  # noqa: E731
        return settle(self.spark, judge(messages, table), table, store, told)

    def clean_all(self) -> None:
        """Clean the three tables, at the same time: most of it is waiting for S3."""
        _together(self.clean, TABLES)

    def tables(self) -> Asked:
        """What the answers are computed from: the clean tables, all but the long texts; read anew by each answer."""
        pin, geo, user = (self.store.clean(table).read(self.spark).drop(*UNASKED) for table in TABLES)
        return pin, geo, user

    def asked(self) -> Asked:
        """The same as they are now, read once for several answers."""
        pin, geo, user = _together(kept, self.tables())
        return pin, geo, user

    def answer(self, answer: Answer, asked: Asked) -> int:
        """Compute one answer, write it over the last one, and return how many rows it has: some hundred at most."""
        rows = answer.compute(*asked).toArrow()
        beside.replace(answers_path(self.store.root, answer), rows, self._storage)
        self.step(f"answer {answer.number}")
        return int(rows.num_rows)

    def written(self, answer: Answer) -> DataFrame:
        """An answer's table."""
        return self.spark.read.format("delta").load(answers_path(self.store.root, answer))

    def answers(self) -> None:
        """Compute and write the ten answers."""
        asked = self.asked()
        _together(lambda answer: self.answer(answer, asked), ANSWERS)

    def check(self, run_id: str) -> dict[str, Conservation]:
        """Count each table's messages where they are, write the counts to ``runs``, and return them."""
        store = self.store
        counts = count(self.spark, store)
        now = datetime.now(UTC)
        rows = [{"run_id": run_id, "finished_at": now, **asdict(counted)} for counted in counts.values()]
        beside.append(beside.opened(store.runs.path, self._storage), pa.Table.from_pylist(rows, COLUMNS))
        self.step("counted")
        return counts


def messages(objects: DataFrame) -> DataFrame:
    """Objects (``path``, ``content``) to their records: ``raw``, the line's bytes without the line feed, and
    ``_source``, the record's topic, partition and offset.

    Line n of an object is the record at its first offset + n: the sink keeps it so.
    """
    # ISO-8859-1 maps each byte to one character and back: splitting text is safe then for bytes that are no UTF-8
    lines = F.split(F.decode("content", "ISO-8859-1"), "\n")
    return (
        objects.where(F.col("path").rlike(OBJECT_NAME))  # what else somebody put there stays where it is
        .select(
            F.regexp_extract("path", OBJECT_NAME, 1).alias("topic"),
            F.regexp_extract("path", OBJECT_NAME, 2).cast("int").alias("partition"),
            F.regexp_extract("path", OBJECT_NAME, 3).cast("bigint").alias("first"),
            F.size(lines).alias("lines"),
            F.posexplode(lines).alias("n", "line"),
        )
        .where("line <> '' OR n < lines - 1")
        .select(  # nothing comes after the last line feed
            F.encode("line", "ISO-8859-1").alias("raw"),
            F.struct("topic", "partition", (F.col("first") + F.col("n")).alias("offset")).alias("_source"),
        )
    )


def count(spark: SparkSession, store: Store) -> dict[str, Conservation]:
    """Count each table's messages by their coordinates, each place on its own, never as what is left of the others."""

    def things(place: str, rows: DataFrame, table: Column, thing: Column) -> DataFrame:
        return rows.select(F.lit(place).alias("place"), table.alias("table"), thing.alias("thing"))

    # texts, so that all can be counted together; no part of a coordinate has a plus
    source = F.concat_ws("+", *(f"_source.{name}" for name in store.source.names))
    parts = [
        things("superseded", store.superseded.read(spark), F.col("table"), source),
        things("quarantined", store.quarantine.read(spark), F.col("table"), source),
    ]
    for table in TABLES:
        raw = store.raw(table).read(spark)
        parts += [
            things("read", raw, F.lit(table), source),
            things("different", raw, F.lit(table), F.sha2("raw", 256)),
            things("clean", store.clean(table).read(spark), F.lit(table), source),
        ]
    # one query with one shuffle: each has a cost of its own, whatever it reads
    counted = reduce(DataFrame.union, parts).groupBy("place", "table").agg(F.countDistinct("thing").alias("n"))
    found = {(row["place"], row["table"]): row["n"] for row in counted.collect()}
    counts: dict[str, Conservation] = {}
    for table in TABLES:
        read, different, clean, superseded, quarantined = (
            found.get((place, table), 0) for place in ("read", "different", "clean", "superseded", "quarantined")
        )
        counts[table] = Conservation(
            table=table, read=read, clean=clean, superseded=superseded, quarantined=quarantined,
            repeats=read - different,
        )  # fmt: skip
    return counts


def answers_path(root: str, answer: Answer) -> str:
    """Where an answer's table is."""
    return f"{root}/answers/{answer.name}"


def _settled(spark: SparkSession, store: Store, table: str) -> DataFrame:
    """The coordinates of all messages that are in their place already."""
    places = [
        store.clean(table).read(spark),
        *(place.read(spark).where(F.col("table") == table) for place in (store.superseded, store.quarantine)),
    ]
    clean, superseded, quarantined = (place.select("_source") for place in places)
    return clean.union(superseded).union(quarantined)


def _together(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    with ThreadPoolExecutor(max_workers=3) as pool:
        return list(pool.map(work, items))
