"""The course's notebook: infer the schema, read by glob, clean with DataFrame operations, ask, one action an answer.

As the published notebooks have it: repeats stay, users count once a post, medians are ``percentile_approx``, a tie is
broken by chance, and every answer starts at the JSON again because nothing is kept.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F


def read(spark: SparkSession, bucket: str, table: str) -> DataFrame:
    path = f"s3a://{bucket}/topics/bench.{table}/partition=0/*.json"
    return spark.read.format("json").option("inferSchema", "true").load(path)


def clean(spark: SparkSession, bucket: str) -> tuple[DataFrame, DataFrame, DataFrame]:
    pin = read(spark, bucket, "pin")
    nothing = {
        "description": ("No description available Story format", "No description available", "Untitled"),
        "follower_count": ("User Info Error",),
        "image_src": ("Image src error.",),
        "poster_name": ("User Info Error",),
        "tag_list": ("N,o, ,T,a,g,s, ,A,v,a,i,l,a,b,l,e",),
        "title": ("No Title Data Available",),
    }
    for column, texts in nothing.items():
        pin = pin.replace(dict.fromkeys(texts), subset=[column])
    for letter, zeros in (("k", "000"), ("M", "000000")):
        pin = pin.withColumn("follower_count", F.regexp_replace("follower_count", letter, zeros))
    pin = pin.withColumn("follower_count", F.col("follower_count").cast("int"))
    pin = pin.withColumn("save_location", F.regexp_replace("save_location", "Local save in ", ""))
    pin = pin.withColumnRenamed("index", "ind").select(
        "ind", "unique_id", "title", "description", "follower_count", "poster_name", "tag_list", "is_image_or_video",
        "image_src", "save_location", "category",
    )  # fmt: skip
    geo = read(spark, bucket, "geo").withColumn("coordinates", F.array("latitude", "longitude"))
    geo = geo.drop("latitude", "longitude").withColumn("timestamp", F.to_timestamp("timestamp"))
    user = read(spark, bucket, "user").withColumn("user_name", F.concat("first_name", F.lit(" "), "last_name"))
    user = user.drop("first_name", "last_name").withColumn("date_joined", F.to_timestamp("date_joined"))
    return pin, geo.select("ind", "country", "coordinates", "timestamp"), user


def answers(pin: DataFrame, geo: DataFrame, user: DataFrame) -> dict[str, list[dict[str, Any]]]:
    """The ten answers, each collected as it is asked."""
    places, users = pin.join(geo, "ind"), pin.join(user, "ind")
    posted = places.withColumn("post_year", F.year("timestamp")).where(F.col("post_year").between(2018, 2022))
    by_year = posted.groupBy("post_year", "category").agg(F.count("*").alias("category_count"))
    followed = places.groupBy("country", "poster_name").agg(F.max("follower_count").alias("follower_count"))
    aged = users.withColumn("age_group", age_group(F.col("age")))
    joined = aged.withColumn("post_year", F.year("date_joined")).where(F.col("post_year").between(2015, 2020))
    median = F.percentile_approx("follower_count", 0.5).alias("median_follower_count")
    counted = F.count("*").alias("category_count")
    asked = {
        "1": first(places.groupBy("country", "category").agg(counted), "country", "category_count"),
        "2a": by_year,
        "2b": first(by_year, "post_year", "category_count"),
        "3a": first(followed, "country", "follower_count"),
        "3b": first(followed, "country", "follower_count")
        .select("country", "follower_count")
        .orderBy(F.desc("follower_count"))
        .limit(1),
        "4": first(aged.groupBy("age_group", "category").agg(counted), "age_group", "category_count"),
        "5": aged.groupBy("age_group").agg(median),
        "6": joined.groupBy("post_year").agg(F.count("user_name").alias("number_users_joined")),
        "7": joined.groupBy("post_year").agg(median),
        "8": joined.groupBy("age_group", "post_year").agg(median),
    }
    return {number: [row.asDict() for row in rows.collect()] for number, rows in asked.items()}


def first(rows: DataFrame, column: str, measure: str) -> DataFrame:
    number = F.row_number().over(Window.partitionBy(column).orderBy(F.desc(measure)))
    return rows.withColumn("row", number).where("row = 1").drop("row")


def age_group(age: Column) -> Column:
    return (
        F.when(age.between(18, 24), "18-24")
        .when(age.between(25, 35), "25-35")
        .when(age.between(36, 50), "36-50")
        .when(age > 50, "+50")
    )
