# Databricks notebook source
# MAGIC %md
# MAGIC # The streams
# MAGIC Milestone 9: three Kinesis streams, cleaned by the functions that the batch uses, into three Delta tables.
# MAGIC This is `pinpipe stream --available-now`, in steps: it ends when all that is there is settled. The stack's own
# MAGIC stream job must not run beside it (the tables have one writer at a time).

# COMMAND ----------

from pyspark.sql import functions as F

from pinpipe import notebook, streams
from pinpipe.aws import AwsAccess
from pinpipe.settings import TABLES

settings = notebook.load()
at_end = notebook.at_end()
job, _ = streams.open_job(settings, at_end)  # a Spark session in this process, and the lease on the stream tables
spark = job.spark

# COMMAND ----------

# MAGIC %md
# MAGIC What is in a stream, as the course reads it. On Databricks `format("kinesis")` is its own source, elsewhere ours
# MAGIC (`pyspark_kinesis`).

# COMMAND ----------

keys = AwsAccess.of(settings).kinesis_source()
df = spark.read.format("kinesis").options(**keys).option("streamName", settings.stream("pin")).load()
df.select("shardId", "sequenceNumber", F.col("data").cast("string").alias("data")).show(5, truncate=60)

# COMMAND ----------

# MAGIC %md
# MAGIC Clean the three streams, each with a checkpoint of its own.

# COMMAND ----------

job.prepare()
queries = [job.start(table, available_now=True) for table in TABLES]
for query in queries:
    query.awaitTermination()
    if failure := query.exception():
        raise failure

# COMMAND ----------

found = {}
for table in TABLES:
    cleaned = job.store.clean(table).read(spark)
    cleaned.orderBy("ind").show(5, truncate=30)
    found[table] = cleaned.count()
print(found)

# COMMAND ----------

at_end.close()
