"""The commands put together, and what every one of them does with an error."""

from __future__ import annotations

import os
import sys

import typer

from pinpipe.cli import health, jobs, posts, stack
from pinpipe.cli.demo import demo
from pinpipe.cli.output import complain
from pinpipe.cli.status import status
from pinpipe.errors import PinpipeError, first_line

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The Pinterest data pipeline: MySQL, API Gateway, Kafka, S3, Spark, Delta, answers.",
)
for command in (demo, status, *health.COMMANDS, *stack.COMMANDS, *posts.COMMANDS, *jobs.COMMANDS):
    app.command()(command)  # type: ignore[type-var]  # a tuple of functions with different parameters


def main() -> None:
    """Run a command: an error a person can mend is one line and exit code 1, wrong usage 2, Ctrl-C 130."""
    code = _run()
    if "deltalake" in sys.modules:
        # its threads abort the process when the interpreter ends around them ("terminate called without an active
        # exception"); everything of ours is closed by now
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    if code:  # nothing for 0: where a job's entry point is called (Databricks), SystemExit is a failure
        sys.exit(code)


def _run() -> int:
    try:
        app(standalone_mode=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except PinpipeError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("stopped")
        return 130
    except Exception as error:
        told = _spark_or_aws(error)
        if told is None:
            raise  # a fault of ours: its trace is what a report needs
        complain(told)
        return 1
    return 0


def _spark_or_aws(error: Exception) -> str | None:
    """One line for what a client library raises when the other side is away or refuses; None for all else."""
    module = type(error).__module__
    first = first_line(error)
    if module.startswith(("grpc", "pyspark.errors")):
        return (
            f"Spark: {first}; see 'pinpipe logs spark', then run the command again: it goes on where this one stopped"
        )
    if module.startswith("botocore"):
        return f"AWS: {first}; check AWS_ENDPOINT_URL and 'pinpipe status'"
    return None
