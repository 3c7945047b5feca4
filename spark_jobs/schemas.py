"""The columns of the cleaned tables and of the answers."""

from __future__ import annotations

from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)


def _columns(**types: object) -> StructType:
    return StructType([StructField(name, kind) for name, kind in types.items()])  # type: ignore[arg-type]


CLEANED = {
    "pin": _columns(
        ind=IntegerType(),
        unique_id=StringType(),
        title=StringType(),
        description=StringType(),
        follower_count=IntegerType(),
        poster_name=StringType(),
        tag_list=StringType(),
        is_image_or_video=StringType(),
        image_src=StringType(),
        save_location=StringType(),
        category=StringType(),
    ),
    "geo": _columns(
        ind=IntegerType(), country=StringType(), coordinates=ArrayType(DoubleType()), timestamp=TimestampType()
    ),
    "user": _columns(ind=IntegerType(), user_name=StringType(), age=IntegerType(), date_joined=TimestampType()),
}
"""The cleaned tables' columns, in their order. ``coordinates`` is (latitude, longitude); times are UTC."""

KAFKA_SOURCE = _columns(topic=StringType(), partition=IntegerType(), offset=LongType())
"""The coordinate of a message in Kafka."""

KINESIS_SOURCE = _columns(stream=StringType(), shard=StringType(), sequence=StringType())
"""The coordinate of a message in Kinesis; the sequence number is an integer of up to 56 digits."""

RAW = _columns(raw=BinaryType())
"""A message as it arrived."""

SUPERSEDED = _columns(table=StringType(), ind=IntegerType())
"""A message that a newer one of the same key replaced."""

QUARANTINED = _columns(
    table=StringType(), raw=BinaryType(), reasons=ArrayType(StringType()), quarantined_at=TimestampType()
)
"""A message that is not valid."""

RUNS = _columns(
    run_id=StringType(), table=StringType(), finished_at=TimestampType(), read=LongType(), clean=LongType(),
    superseded=LongType(), quarantined=LongType(), repeats=LongType(),
)  # fmt: skip
"""The counts of a run and table."""

_MEASURES = {
    "category_count": LongType(), "follower_count": IntegerType(), "number_users_joined": LongType(),
    "median_follower_count": DoubleType(), "post_year": IntegerType(),
}  # fmt: skip


def _answer(*names: str) -> StructType:
    return _columns(**{name: _MEASURES.get(name, StringType()) for name in names})


ANSWERED = {
    "1": _answer("country", "category", "category_count"),
    "2a": _answer("post_year", "category", "category_count"),
    "2b": _answer("post_year", "category", "category_count"),
    "3a": _answer("country", "poster_name", "follower_count"),
    "3b": _answer("country", "follower_count"),
    "4": _answer("age_group", "category", "category_count"),
    "5": _answer("age_group", "median_follower_count"),
    "6": _answer("post_year", "number_users_joined"),
    "7": _answer("post_year", "median_follower_count"),
    "8": _answer("age_group", "post_year", "median_follower_count"),
}
"""The answers' columns, in their order, by the answer's number."""
