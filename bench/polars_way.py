"""The same in Polars, on the same files. Runs in an environment of its own: ``.venv-bench/bin/python
bench/polars_way.py FOLDER ROUNDS`` prints a line of JSON for each round, the last with the answers.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl

AGES = ["18-24", "25-35", "36-50", "+50"]
NOTHING = {
    "title": ["No Title Data Available"],
    "description": ["No description available Story format", "No description available", "Untitled"],
    "follower_count": ["User Info Error"],
    "poster_name": ["User Info Error"],
    "tag_list": ["N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e"],
    "image_src": ["Image src error."],
}
TIMES = {"k": 1_000, "M": 1_000_000, "B": 1_000_000_000}


def read(folder: Path, table: str, **columns: Any) -> pl.LazyFrame:
    return pl.scan_ndjson(f"{folder}/{table}/*.json", schema=columns)


def newest(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.unique("ind", keep="last")


def known(name: str) -> pl.Expr:
    text = pl.col(name)
    return pl.when(text.str.strip_chars() != "", ~text.is_in(NOTHING.get(name, []))).then(text).alias(name)


def clean(folder: Path) -> list[pl.DataFrame]:
    """The three tables, one row per ``ind``."""
    texts = (
        "unique_id", "title", "description", "poster_name", "follower_count", "tag_list", "is_image_or_video",
        "image_src", "save_location", "category",
    )  # fmt: skip
    pin = read(folder, "pin", index=pl.Int32, **dict.fromkeys(texts, pl.String)).rename({"index": "ind"})
    pin = pin.with_columns(known(name) for name in texts)
    digits = pl.col("follower_count").str.extract(r"^(\d+(?:\.\d+)?)[kMB]?$").cast(pl.Float64)
    unit = pl.col("follower_count").str.slice(-1).replace_strict(TIMES, default=1, return_dtype=pl.Int64)
    pin = pin.with_columns(
        (digits * unit).round().cast(pl.Int32).alias("follower_count"),
        pl.col("save_location").str.strip_prefix("Local save in "),
    )
    pin = pin.filter(pl.col("ind") >= 0, pl.col("unique_id").is_not_null(), pl.col("category").is_not_null())
    geo = read(
        folder, "geo", ind=pl.Int32, timestamp=pl.String, latitude=pl.Float64, longitude=pl.Float64, country=pl.String
    )
    geo = geo.select(
        "ind", "country", pl.concat_arr("latitude", "longitude").alias("coordinates"), moment("timestamp")
    ).drop_nulls()
    user = read(
        folder, "user", ind=pl.Int32, first_name=pl.String, last_name=pl.String, age=pl.Int32, date_joined=pl.String
    )
    user = user.select(
        "ind", pl.concat_str("first_name", "last_name", separator=" ").alias("user_name"), "age", moment("date_joined")
    ).drop_nulls()
    return list(pl.collect_all([newest(pin), newest(geo), newest(user)]))


def moment(name: str) -> pl.Expr:
    return pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_zone="UTC", strict=False)


def top(rows: pl.LazyFrame, measure: str, column: str) -> pl.LazyFrame:
    return rows.filter(pl.col(measure) == pl.col(measure).max().over(column))


def answers(pin: pl.DataFrame, geo: pl.DataFrame, user: pl.DataFrame) -> dict[str, list[dict[str, Any]]]:
    posts = pin.lazy().select("ind", "category", "poster_name", "follower_count")
    places, users = posts.join(geo.lazy(), on="ind"), posts.join(user.lazy(), on="ind")
    counted = pl.len().cast(pl.Int64).alias("category_count")
    year = pl.col("timestamp").dt.year().alias("post_year")
    by_year = places.filter(year.is_between(2018, 2022)).group_by(year, "category").agg(counted)
    followed = places.drop_nulls(["poster_name", "follower_count"])
    followed = followed.group_by("country", "poster_name").agg(pl.col("follower_count").max())
    most = top(followed, "follower_count", "country")
    age = pl.col("age")
    grouped = (
        pl.when(age < 18).then(None).when(age <= 24).then(pl.lit(AGES[0])).when(age <= 35).then(pl.lit(AGES[1]))
        .when(age <= 50).then(pl.lit(AGES[2])).otherwise(pl.lit(AGES[3])).alias("age_group")
    )  # fmt: skip
    joined = pl.col("date_joined").dt.year().alias("post_year")
    of_age = users.with_columns(grouped).drop_nulls("age_group").group_by("age_group", "category").agg(counted)
    people = users.drop_nulls("follower_count").group_by("user_name", "age", "date_joined")
    people = people.agg(pl.col("follower_count").max()).with_columns(grouped, joined)
    lately = people.filter(pl.col("post_year").is_between(2015, 2020))
    median = pl.col("follower_count").median().alias("median_follower_count")
    everybody = user.lazy().unique(["user_name", "age", "date_joined"]).filter(joined.is_between(2015, 2020))
    asked = {
        "1": top(places.group_by("country", "category").agg(counted), "category_count", "country"),
        "2a": by_year,
        "2b": top(by_year, "category_count", "post_year"),
        "3a": most,
        "3b": most.filter(pl.col("follower_count") == pl.col("follower_count").max())
        .select("country", "follower_count")
        .unique(),
        "4": top(of_age, "category_count", "age_group"),
        "5": people.drop_nulls("age_group").group_by("age_group").agg(median),
        "6": everybody.group_by(joined).agg(pl.len().alias("number_users_joined")),
        "7": lately.group_by("post_year").agg(median),
        "8": lately.drop_nulls("age_group").group_by("age_group", "post_year").agg(median),
    }
    found = pl.collect_all(list(asked.values()))
    return {number: rows.to_dicts() for number, rows in zip(asked, found, strict=True)}


def main() -> None:
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    for number in range(rounds):
        begin = time.monotonic()
        tables = clean(folder)
        cleaned = time.monotonic()
        found = answers(*tables)
        seconds = {"clean": cleaned - begin, "answers": time.monotonic() - cleaned}
        print(json.dumps({"seconds": seconds, "answers": found if number == rounds - 1 else None}), flush=True)


if __name__ == "__main__":
    main()
