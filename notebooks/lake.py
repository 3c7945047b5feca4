# Databricks notebook source
# MAGIC %md
# MAGIC # The lake
# MAGIC Milestone 6: the bucket, mounted or read as it is, and the three topics' messages as DataFrames.
# MAGIC
# MAGIC With `authentication_credentials.csv` beside this notebook (or in Databricks' `FileStore/tables`) its keys are
# MAGIC used; without it those of the settings, or the machine's role.

# COMMAND ----------

from pyspark.sql import functions as F

from pinpipe import notebook
from spark_jobs.batch import OBJECT, messages

settings = notebook.load()
spark = notebook.spark(settings)

# COMMAND ----------

# MAGIC %md
# MAGIC Databricks has mounts (`dbutils`); elsewhere Spark reads the bucket by its name.

# COMMAND ----------

lake = notebook.mount(dbutils, settings) if "dbutils" in globals() else f"s3a://{settings.bucket}"  # noqa: F821
print(lake)

# COMMAND ----------

# MAGIC %md
# MAGIC An object holds some records, a line each. `messages` takes them apart: `raw` are a record's bytes as they lay
# MAGIC in the topic, `_source` is where (topic, partition, offset).


# COMMAND ----------


def read(table):
    objects = spark.read.format("binaryFile").option("pathGlobFilter", "*+*+*.json").option("recursiveFileLookup", True)
    return messages(objects.schema(OBJECT).load(f"{lake}/topics/{settings.topic(table)}"))


def show(df):
    df.select("_source.*", F.col("raw").cast("string").alias("raw")).orderBy("offset").show(5, truncate=100)


# COMMAND ----------

df_pin = read("pin")
show(df_pin)

# COMMAND ----------

df_geo = read("geo")
show(df_geo)

# COMMAND ----------

df_user = read("user")
show(df_user)

# COMMAND ----------

found = {table: df.count() for table, df in (("pin", df_pin), ("geo", df_geo), ("user", df_user))}
print(found)
