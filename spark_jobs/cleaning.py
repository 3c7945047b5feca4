"""The cleaning of the three tables: which messages are valid, and what a valid one becomes.

Used by the batch and by the stream. :func:`split` is the whole of it; :func:`clean_pin`, :func:`clean_geo` and
:func:`clean_user` return just the cleaned columns of the valid messages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from spark_jobs import records
from spark_jobs.quality import AGE, FOLLOWERS, KEY, LATITUDE, LONGITUDE, MOMENT, Rule, known
from spark_jobs.schemas import CLEANED

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class Field:
    """A field of a message: its ``name`` there, and what it must be.

    Blank texts and ``placeholders`` count as missing, which only a ``required`` field may not be. Without a ``rule`` it
    is a text: a string, or the JSON of a number or a truth value. ``column`` names it in reasons, where that differs.
    """

    name: str
    rule: Rule | None = None
    required: bool = False
    placeholders: tuple[str, ...] = ()
    column: str = ""

    def value(self) -> Column:
        """Its value, after :func:`judge` has parsed it; NULL where there is none in range."""
        if self.rule is None:
            return F.col(self.name)
        parsed = F.col(_parsed(self.name))
        return F.when(self.rule.holds(parsed), parsed.try_cast(self.rule.kind))

    def reason(self) -> Column:
        """Why the message is not valid, as far as this field is concerned; else NULL."""
        text = F.col(self.name)
        problem = F.when(text.isNull(), F.lit("missing" if self.required else None))
        if self.rule:
            parsed = F.col(_parsed(self.name))
            problem = problem.when(parsed.isNull(), "unparsable").when(~self.rule.holds(parsed), "out_of_range")
        else:
            problem = problem.when(F.col("_nested")[self.name], "unparsable")
        return F.concat(F.lit(f"{self.column or self.name}:"), problem)


@dataclass(frozen=True)
class Table:
    """A table's ``fields`` in the order of the reasons, and those cleaned columns that are more than a field."""

    fields: tuple[Field, ...]
    made: dict[str, Callable[[dict[str, Column]], Column]]

    def columns(self, names: list[str]) -> list[Column]:
        values = {field.column or field.name: field.value() for field in self.fields}
        return [(self.made[name](values) if name in self.made else values[name]).alias(name) for name in names]


TABLES = {
    "pin": Table(
        (
            Field("index", KEY, required=True, column="ind"),
            Field("unique_id", required=True),
            Field("title", placeholders=("No Title Data Available",)),
            Field(
                "description",
                placeholders=("No description available Story format", "No description available", "Untitled"),
            ),
            Field("follower_count", FOLLOWERS, placeholders=("User Info Error",)),
            Field("poster_name", placeholders=("User Info Error",)),
            Field("tag_list", placeholders=("N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e",)),
            Field("is_image_or_video"),
            Field("image_src", placeholders=("Image src error.",)),
            Field("save_location"),
            Field("category", required=True),
        ),
        {"save_location": lambda pin: known(F.regexp_replace(pin["save_location"], "^Local save in ", ""))},
    ),
    "geo": Table(
        (
            Field("ind", KEY, required=True),
            Field("country", required=True),
            Field("latitude", LATITUDE, required=True),
            Field("longitude", LONGITUDE, required=True),
            Field("timestamp", MOMENT, required=True),
        ),
        {"coordinates": lambda geo: F.array(geo["latitude"], geo["longitude"])},
    ),
    "user": Table(
        (
            Field("ind", KEY, required=True),
            Field("first_name", required=True),
            Field("last_name", required=True),
            Field("age", AGE, required=True),
            Field("date_joined", MOMENT, required=True),
        ),
        {"user_name": lambda user: F.concat(user["first_name"], F.lit(" "), user["last_name"])},
    ),
}
"""The tables by name. Fields that are not listed are ignored, ``downloaded`` among them."""


def judge(messages: DataFrame, table: str) -> DataFrame:
    """Messages (``raw``, ``_source``) with what they become: ``cleaned``, a struct of the table's cleaned columns, and
    ``reasons``, empty for a valid one."""
    fields = TABLES[table].fields
    # A column for each step, as in records.read.
    texts = records.read(messages.select("raw", "_source"), [field.name for field in fields])
    present = texts.withColumns({field.name: known(F.col(field.name), *field.placeholders) for field in fields})
    parsed = present.withColumns(
        {_parsed(field.name): field.rule.parse(F.col(field.name)) for field in fields if field.rule}
    )
    of_fields = F.array_compact(F.array(*(field.reason() for field in fields)))
    return parsed.select(
        "raw",
        "_source",
        F.struct(*TABLES[table].columns(CLEANED[table].names)).alias("cleaned"),
        F.when(F.col("_problem").isNotNull(), F.array("_problem")).otherwise(of_fields).alias("reasons"),
    )


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


def _parsed(name: str) -> str:
    return f"_parsed_{name}"
