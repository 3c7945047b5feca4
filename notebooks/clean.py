# Databricks notebook source
# MAGIC %md
# MAGIC # Load and clean
# MAGIC Milestone 7, first half: what is new in the lake goes into the raw tables, and from there into the three clean
# MAGIC tables; what is not valid goes to quarantine, with the reasons. This is `pinpipe batch load` and `clean`, in
# MAGIC steps; each can be done again and changes nothing then.

# COMMAND ----------

from pyspark.sql import functions as F

from pinpipe import notebook, runs

settings = notebook.load()
at_end = notebook.at_end()
job = at_end.enter_context(runs.batch(settings))  # a Spark session, and the lease: the tables have one writer at a time

# COMMAND ----------

job.prepare()
job.load()
loaded = job.loaded()
print(loaded)

# COMMAND ----------


def show(table):
    job.store.clean(table).read(job.spark).orderBy("ind").show(5, truncate=30)


# COMMAND ----------

# MAGIC %md
# MAGIC ## Posts
# MAGIC Placeholders become NULL, `124k` becomes 124000, `Local save in /data/art` becomes `/data/art`, `index` becomes
# MAGIC `ind`.

# COMMAND ----------

print(job.clean("pin"))
show("pin")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Places
# MAGIC `coordinates` holds latitude and longitude; times are UTC.

# COMMAND ----------

print(job.clean("geo"))
show("geo")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Users
# MAGIC `user_name` is the first and the last name.

# COMMAND ----------

print(job.clean("user"))
show("user")

# COMMAND ----------

# MAGIC %md
# MAGIC ## What was not valid, and why

# COMMAND ----------

quarantine = job.store.quarantine.read(job.spark).select("table", F.explode("reasons").alias("reason"))
quarantine.groupBy("table", "reason").count().orderBy("table", "reason").show(truncate=60)

# COMMAND ----------

# MAGIC %md
# MAGIC Every message that was read is in one place: *rows read = clean + superseded + quarantined*.

# COMMAND ----------

counts = job.check("notebook")
for counted in counts.values():
    print(counted)
runs.hold(counts)
at_end.close()
