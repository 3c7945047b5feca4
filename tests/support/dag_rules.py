"""What a DAG file must be like. Runs in Airflow's environment, on a file, and prints what it breaks, a line each.

``python dag_rules.py FILE``
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HEAVY = ("pyspark", "pandas", "pyarrow", "boto3", "botocore", "grpc")
SECONDS = 1.0
IO = ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.system", "sqlite3.connect", "shutil.rmtree")


def load(path: Path) -> tuple[list[Any], list[str], float]:
    """The file's DAGs, what it did besides importing while it was read, and the seconds that took."""
    from airflow.sdk import DAG, get_current_context, task  # noqa: F401
    from airflow.sdk.definitions._internal.contextmanager import DagContext

    # the DAG processor has all this loaded already, and what a schedule takes
    DAG("first", schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC))
    DagContext.current_autoregister_module_name = path.stem
    done: list[str] = []
    reading = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if not reading:
            return
        # a number is a file that was opened before, by name
        opened = event == "open" and not isinstance(arguments[0], int) and not _is_code(str(arguments[0]))
        if event in IO or opened:
            done.append(f"{event} {arguments[0]}")

    sys.addaudithook(watch)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    sys.modules[path.stem] = module = importlib.util.module_from_spec(spec)
    started = time.perf_counter()
    try:
        spec.loader.exec_module(module)
    finally:
        reading = False
    return [dag for dag, _ in DagContext.autoregistered_dags], done, time.perf_counter() - started


def _is_code(path: str) -> bool:
    """Whether a file belongs to a module or a package, which importing reads."""
    inside = any(path.startswith(str(Path(place).resolve())) for place in (sys.prefix, sys.base_prefix))
    return inside or path.endswith((".py", ".pyc", ".so")) or ".pyc." in path


def broken(path: Path) -> Iterator[str]:
    """Every rule that a DAG file breaks."""
    dags, done, seconds = load(path)
    yield from (f"top-level I/O: {what}" for what in done)
    if seconds > SECONDS:
        yield f"slow import: over {SECONDS:.0f} s"
    yield from (f"heavy import: {name}" for name in HEAVY if name in sys.modules)
    if not dags:
        yield "no DAG"
    for dag in dags:
        try:
            dag.check_cycle()
        except Exception as error:
            yield f"{type(error).__name__}"
        yield from _of_dag(dag)


def _of_dag(dag: Any) -> Iterator[str]:
    if dag.catchup:
        yield "catchup"
    if dag.max_active_runs != 1:
        yield "more than one active run"
    if dag.start_date is None or dag.start_date.tzinfo is None:
        yield "no fixed start_date"
    if not dag.tags:
        yield "no tags"
    if not dag.doc_md:
        yield "no doc_md"
    if dag.dagrun_timeout is None:
        yield "no time-out of the run"
    for task in dag.tasks:
        arguments = {**getattr(task, "partial_kwargs", {}), **vars(task)}
        if not task.retries:
            yield f"{task.task_id}: no retries"
        elif not task.retry_exponential_backoff:
            yield f"{task.task_id}: no backoff"
        if not isinstance(arguments.get("execution_timeout"), timedelta):
            yield f"{task.task_id}: no time-out"


if __name__ == "__main__":
    for line in broken(Path(sys.argv[1])):
        print(line)
