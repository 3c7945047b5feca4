# Databricks notebook source
# MAGIC %md
# MAGIC # The questions
# MAGIC Milestone 7, second half: each question is a function of the three clean tables (`spark_jobs/answers.py` has
# MAGIC their exact definitions). This is `pinpipe batch answers`, in steps: each answer is written to a Delta table of
# MAGIC its own.

# COMMAND ----------

import pandas as pd

from pinpipe import notebook, runs
from spark_jobs.answers import ANSWERS, sort_rows

settings = notebook.load()
at_end = notebook.at_end()
job = at_end.enter_context(runs.batch(settings))
tables = job.asked()
found = {}

# COMMAND ----------


def ask(number):
    [answer] = (each for each in ANSWERS if each.number == number)
    job.answer(answer, tables)
    found[number] = sort_rows(answer, [row.asDict() for row in job.written(answer).collect()])
    print(pd.DataFrame(found[number]).head(10).to_string(index=False))


# COMMAND ----------

# MAGIC %md
# MAGIC ## 1. The most popular category in each country

# COMMAND ----------

ask("1")

# COMMAND ----------

# MAGIC %md
# MAGIC ## 2. Posts of each category in each year, and the most popular category of each year

# COMMAND ----------

ask("2a")
ask("2b")

# COMMAND ----------

# MAGIC %md
# MAGIC ## 3. The most followed user in each country, and the country of the most followed of all

# COMMAND ----------

ask("3a")
ask("3b")

# COMMAND ----------

# MAGIC %md
# MAGIC ## 4. The most popular category of each age group

# COMMAND ----------

ask("4")

# COMMAND ----------

# MAGIC %md
# MAGIC ## 5. The median follower count of each age group

# COMMAND ----------

ask("5")

# COMMAND ----------

# MAGIC %md
# MAGIC ## 6. How many users joined in each year

# COMMAND ----------

ask("6")

# COMMAND ----------

# MAGIC %md
# MAGIC ## 7. The median follower count of users by the year they joined

# COMMAND ----------

ask("7")

# COMMAND ----------

# MAGIC %md
# MAGIC ## 8. The same by age group and year

# COMMAND ----------

ask("8")
at_end.close()
