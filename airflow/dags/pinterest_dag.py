"""The daily job: load what came into the lake, clean it, answer the questions, see that it all adds up."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import dag, get_current_context, task

from pinpipe.settings import ANSWERS, TABLES

if TYPE_CHECKING:
    from spark_jobs.lease import Share

DOC = """\
Every day: **load** appends what is new in the bucket to the raw tables, **clean** settles each message (clean,
superseded, quarantine), one **answer** task per question writes its table, **report** counts where every message lies
and fails the run unless *read = clean + superseded + quarantined*.

Each task is what `pinpipe batch` does, too, and can be cleared and run again at any time: it does what there is to do.
The run holds the batch's lease, so a `pinpipe batch` by hand waits for it, and it for that one. What a task returns
(its counts) is under *XCom*.

With `PIPELINE_ENGINE=databricks` the same steps are submitted to Databricks.
"""


def share(last: bool = False) -> Share:
    """This task's part of the lease of its run."""
    from spark_jobs.lease import Share

    context = get_current_context()
    ti = context["ti"]
    return Share(f"run {context['run_id']} of {ti.dag_id}", f"{ti.task_id}[{ti.map_index}]", last)


@task
def load() -> dict[str, int]:
    """Append every message that is new in the bucket to the raw tables; the rows that these have now."""
    from pinpipe import runs, settings

    return runs.load(settings.load(), share())


@task
def clean(table: str) -> dict[str, int]:
    """Settle a table's new messages; how many were read, and written to each place."""
    from pinpipe import runs, settings

    return runs.clean(settings.load(), table, share())


@task(map_index_template="{{ task.op_kwargs['number'] }}")
def answer(number: str) -> int:
    """Compute one answer; how many rows it has."""
    from pinpipe import runs, settings

    return runs.answer(settings.load(), number, share())


@task
def report() -> dict[str, Any]:
    """Count each table's messages where they lie; fail unless they add up."""
    from pinpipe import runs, settings

    return runs.report(settings.load(), get_current_context()["run_id"], share(last=True))


@dag(
    dag_id=f"{os.environ.get('PIN_USER_ID', 'demo')}_dag",
    schedule="@daily",
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=3),
    tags=["pinpipe", "pinterest"],
    doc_md=DOC,
    default_args={
        "owner": "pinpipe",
        "retries": 4,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=5),
        "execution_timeout": timedelta(minutes=30),
    },
)
def pinterest() -> None:
    """The graph: the steps on Spark Connect, or as Databricks jobs."""
    if os.environ.get("PIPELINE_ENGINE", "spark") == "databricks":
        on_databricks()
        return
    cleaned = [clean.override(task_id=f"clean_{table}")(table) for table in TABLES]
    load() >> cleaned >> answer.expand(number=list(ANSWERS)) >> report()


def on_databricks() -> None:
    """The same steps, submitted; or the course's notebook alone, when one is named."""
    from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator as Submit

    from pinpipe.databricks import submission

    poll = int(os.environ.get("DATABRICKS_POLL_SECONDS", "10"))
    common: dict[str, Any] = {"databricks_conn_id": "databricks_default", "polling_period_seconds": poll}

    def step(name: str, *arguments: str) -> Submit:
        return Submit(task_id=name, json=submission(os.environ, *arguments), **common)

    if os.environ.get("DATABRICKS_NOTEBOOK"):
        step("notebook")
        return
    cleaned = [step(f"clean_{table}", "clean", table) for table in TABLES]
    answers = [submission(os.environ, "answers", number) for number in ANSWERS]
    (
        step("load", "load")
        >> cleaned
        >> Submit.partial(task_id="answer", **common).expand(json=answers)
        >> step("report", "report")
    )


pinterest()
