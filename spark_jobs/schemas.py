"""The columns of the messages and of the cleaned tables."""

from __future__ import annotations

from pyspark.sql.types import (
    ArrayType,
    DoubleType,
    IntegerType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampType,
)

FIELDS = {
    "pin": (
        "index", "unique_id", "title", "description", "poster_name", "follower_count", "tag_list",
        "is_image_or_video", "image_src", "save_location", "category",
    ),
    "geo": ("ind", "timestamp", "latitude", "longitude", "country"),
    "user": ("ind", "first_name", "last_name", "age", "date_joined"),
}  # fmt: skip
"""The fields of a message that are looked at; all others are ignored (``downloaded`` among them)."""


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
