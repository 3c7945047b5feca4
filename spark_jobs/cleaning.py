"""The cleaning of the three tables: which messages are valid, and what a valid one becomes.

Used by the batch and by the stream. ``split`` is the whole of it; ``clean_pin``, ``clean_geo`` and ``clean_user`` return
just the cleaned columns of the valid messages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs.quality import (
    INT_MAX,
    Checked,
    follower_count,
    integer,
    number,
    required_text,
    text_or_null,
    utc,
)
from spark_jobs.records import record
from spark_jobs.schemas import CLEANED, FIELDS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

NO_TITLE = "No Title Data Available"
NO_DESCRIPTION = ("No description available Story format", "No description available", "Untitled")
NO_USER = "User Info Error"
NO_TAGS = "N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e"
NO_IMAGE = "Image src error."
SAVED_IN = "Local save in "


@dataclass(frozen=True)
class Cleaned:
    """A table's cleaned columns by name, and the checked fields that decide whether a message is valid, in order."""

    columns: dict[str, Column]
    checks: dict[str, Checked]


def _key(text: Column) -> Checked:
    return integer(text, 0, INT_MAX).or_missing(text)


def _pin(field: Callable[[str], Column]) -> Cleaned:
    shown = text_or_null(field("follower_count"), NO_USER)
    checks = {
        "ind": _key(field("index")),
        "unique_id": required_text(field("unique_id")),
        "follower_count": follower_count(shown),
        "category": required_text(field("category")),
    }
    saved = text_or_null(field("save_location"))
    columns = {name: check.value for name, check in checks.items()} | {
        "title": text_or_null(field("title"), NO_TITLE),
        "description": text_or_null(field("description"), *NO_DESCRIPTION),
        "poster_name": text_or_null(field("poster_name"), NO_USER),
        "tag_list": text_or_null(field("tag_list"), NO_TAGS),
        "is_image_or_video": text_or_null(field("is_image_or_video")),
        "image_src": text_or_null(field("image_src"), NO_IMAGE),
        "save_location": F.regexp_replace(saved, f"^{SAVED_IN}", ""),
    }
    return Cleaned(columns, checks)


def _geo(field: Callable[[str], Column]) -> Cleaned:
    checks = {
        "ind": _key(field("ind")),
        "country": required_text(field("country")),
        "latitude": number(field("latitude"), -90, 90).or_missing(field("latitude")),
        "longitude": number(field("longitude"), -180, 180).or_missing(field("longitude")),
        "timestamp": utc(field("timestamp")).or_missing(field("timestamp")),
    }
    columns = {
        "ind": checks["ind"].value,
        "country": checks["country"].value,
        "coordinates": F.array(checks["latitude"].value, checks["longitude"].value),
        "timestamp": checks["timestamp"].value,
    }
    return Cleaned(columns, checks)


def _user(field: Callable[[str], Column]) -> Cleaned:
    checks = {
        "ind": _key(field("ind")),
        "first_name": required_text(field("first_name")),
        "last_name": required_text(field("last_name")),
        "age": integer(field("age"), 0, 150).or_missing(field("age")),
        "date_joined": utc(field("date_joined")).or_missing(field("date_joined")),
    }
    columns = {
        "ind": checks["ind"].value,
        "user_name": F.concat_ws(" ", checks["first_name"].value, checks["last_name"].value),
        "age": checks["age"].value,
        "date_joined": checks["date_joined"].value,
    }
    return Cleaned(columns, checks)


TABLES = {"pin": _pin, "geo": _geo, "user": _user}


def judge(messages: DataFrame, table: str) -> DataFrame:
    """Messages (``raw``, ``_source``) with what they become: ``cleaned``, a struct of the table's cleaned columns, and
    ``reasons``, empty for a valid one."""
    read = messages.withColumn("_record", record(F.col("raw"), FIELDS[table]))
    cleaned = TABLES[table](lambda name: F.col("_record.fields")[name])
    reasons = F.when(F.col("_record.problem").isNotNull(), F.array("_record.problem")).otherwise(
        F.array_compact(
            F.array(
                *(
                    F.when(check.problem.isNotNull(), F.concat(F.lit(f"{name}:"), check.problem))
                    for name, check in cleaned.checks.items()
                )
            )
        )
    )
    columns = F.struct(*(cleaned.columns[name].alias(name) for name in CLEANED[table].names))
    return read.select("raw", "_source", columns.alias("cleaned"), reasons.alias("reasons"))


def split_judged(judged: DataFrame) -> tuple[DataFrame, DataFrame]:
    """What ``judge`` returns as (good, bad).

    good: the table's cleaned columns, then ``_source``. bad: ``raw``, untouched, ``_source``, ``reasons``.
    """
    good = judged.where(F.size("reasons") == 0).select("cleaned.*", "_source")
    bad = judged.where(F.size("reasons") > 0).select("raw", "_source", "reasons")
    return good, bad


def split(messages: DataFrame, table: str) -> tuple[DataFrame, DataFrame]:
    """Messages as (good, bad): every one of them is in exactly one of the two."""
    return split_judged(judge(messages, table))


def clean_pin(messages: DataFrame) -> DataFrame:
    """The valid posts among messages with the columns ``raw`` and ``_source``, cleaned."""
    return split(messages, "pin")[0].select(CLEANED["pin"].names)


def clean_geo(messages: DataFrame) -> DataFrame:
    """The valid places among messages with the columns ``raw`` and ``_source``, cleaned."""
    return split(messages, "geo")[0].select(CLEANED["geo"].names)


def clean_user(messages: DataFrame) -> DataFrame:
    """The valid users among messages with the columns ``raw`` and ``_source``, cleaned."""
    return split(messages, "user")[0].select(CLEANED["user"].names)
