"""The commands that are about the stack: start, stop, look."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from typing import Annotated

import typer

from pinpipe import doctor as examination
from pinpipe import settings
from pinpipe.aws import invoke_url
from pinpipe.cli.output import complain, out, progress, say, table
from pinpipe.errors import PartDown, PinpipeError
from pinpipe.stack import Stack, require
from pinpipe.stack.parts import BY_NAME, Part


def up(
    parts: Annotated[list[str] | None, typer.Argument(help="Only these parts; all when left out.")] = None,
    airflow: Annotated[bool, typer.Option(help="Start Airflow's three parts, too.")] = True,
) -> None:
    """Start the parts that do not run, and make topics, bucket, API and connector."""
    from pinpipe.provision import provision

    started = time.monotonic()
    in_force = settings.load()
    if not in_force.local:
        raise PinpipeError("AWS_ENDPOINT_URL is unset, which means AWS: there is no local stack to start")
    chosen = tuple(_part(name) for name in parts or BY_NAME)
    if not airflow:
        chosen = tuple(part for part in chosen if part.group != "airflow")
    stack = Stack(in_force)
    findings = examination.examine(in_force, chosen)
    if findings:
        raise PinpipeError("\n".join(map(str, findings)))
    running = {name for name, state in stack.states().items() if state.pid}
    with progress("starting", total=len(chosen)) as bar:

        def answers(name: str) -> None:
            bar.update(bar.task_ids[0], advance=1, description=f"{name} answers")

        stack.start([part.name for part in chosen if not part.of_user], answers)
        changes = [] if parts else provision(in_force).changes
        stack.start([part.name for part in chosen if part.of_user], answers)
    for part in chosen:
        say(f"{part.name:<21} {'answers' if part.name in running else 'started'} at {part.address(in_force)}")
    for change in changes:
        say(f"made: {change}")
    say(f"up after {time.monotonic() - started:.0f} s")


def provision() -> None:
    """Make topics, bucket, API and connector what they should be; what is there already stays."""
    from pinpipe.provision import provision as make

    in_force = settings.load()
    require(in_force, "kafka", "localstack", "connect")
    changes = make(in_force, lambda change: say(f"made: {change}")).changes
    if not changes:
        say("all is there")


def _part(name: str) -> Part:
    if name not in BY_NAME:
        raise typer.BadParameter(f"there is no part {name!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def down() -> None:
    """Stop all parts. The data of Kafka and MySQL stays; LocalStack forgets its own."""
    stack = Stack(settings.load())
    if not stack.running:
        say("nothing runs")
        return
    with progress("stopping"):
        stack.stop()
    say("stopped; the data stays ('pinpipe clean' removes it)")


def clean(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Stop all parts and remove their data and logs."""
    in_force = settings.load()
    if not yes:
        typer.confirm(f"Remove all data and logs below {in_force.pin_home}?", abort=True)
    Stack(in_force).stop()
    for name in ("data", "run", "logs"):
        shutil.rmtree(in_force.pin_home / name, ignore_errors=True)
    say("removed: data, logs and run files")


def doctor() -> None:
    """Look for what would go wrong before anything starts, with the fix of each."""
    findings = examination.examine(settings.load())
    for finding in findings:
        complain(str(finding))
    if findings:
        raise typer.Exit(1)
    say("nothing is in the way")


def logs(
    part: Annotated[str, typer.Argument(help="Whose log.")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as it grows.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many lines of its end.")] = 50,
) -> None:
    """Show the end of a part's log."""
    _part(part)
    file = Stack(settings.load()).log(part)
    if not file.exists():
        raise PinpipeError(f"{part} has no log yet at {file}: run 'pinpipe up'")
    subprocess.run(["tail", "-n", str(lines), *(["-f"] if follow else []), str(file)], check=False)


def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Show what is in every stage, whether the numbers agree, and the state of every part."""
    from pinpipe.status import gather

    found = gather(settings.load())
    if as_json:
        out.print_json(json.dumps(found.as_dict()))
        return
    show_counts(found)
    show_stream(found)
    table(
        "Parts",
        ("part", "state", "address", "memory MB"),
        [(name, part.state, part.address, part.memory_mb) for name, part in found.parts.items()],
    )
    show_airflow(found)
    for problem in found.problems():
        say(problem)
    # parts that can be left out are not missed while none of their group runs
    groups = {BY_NAME[name].group for name, part in found.parts.items() if part.memory_mb is not None}
    down = [n for n, part in found.parts.items() if part.state == "down" and BY_NAME[n].group in ("", *groups)]
    if down:
        raise PartDown(f"{', '.join(down)} {'does' if len(down) == 1 else 'do'} not answer: run 'pinpipe up'")


def show_counts(found: object) -> None:
    """The counts of the batch path, a row per stage, and whether they add up."""
    from pinpipe.status import COUNTS, Status

    assert isinstance(found, Status)
    tables = list(found.batch)
    table(
        "Batch path: records in each stage",
        ("stage", *tables),
        [(name.replace("_", " "), *(getattr(found.batch[table], name) for table in tables)) for name in COUNTS],
    )


def show_stream(found: object) -> None:
    """The counts of the streaming path."""
    from pinpipe.status import Status

    assert isinstance(found, Status)
    names = ("read", "clean", "superseded", "quarantined", "lag")
    table(
        "Streaming path: records in each stage",
        ("stage", *found.stream),
        [("lag, ms" if name == "lag" else name, *(getattr(c, name) for c in found.stream.values())) for name in names],
    )


def show_airflow(found: object) -> None:
    """Where Airflow's page is, how to log in there, and how the DAG ran last."""
    from pinpipe.airflow import Airflow
    from pinpipe.status import Status

    assert isinstance(found, Status)
    if found.parts["airflow-api-server"].state != "up":
        return
    airflow = Airflow(settings.load())
    last = f"{found.dag.state} ({found.dag.last_run})" if found.dag.state else "never ran"
    say(f"Airflow: {airflow.url}, user admin, password {airflow.password}; {airflow.dag}: {last}")


def where(
    name: Annotated[
        str | None, typer.Argument(help="Only this address, for scripts; 'api' asks AWS for its id.")
    ] = None,
) -> None:
    """Print each address that would be used, and touch nothing."""
    in_force = settings.load()
    if name == "api":
        require(in_force, "localstack")
        say(invoke_url(in_force))
        return
    addresses = {
        "target": "the local stack" if in_force.local else "AWS",
        "user": in_force.pin_user_id,
        "region": in_force.aws_region,
        "aws": in_force.aws_endpoint_url or "AWS's own endpoints",
        "bucket": in_force.bucket,
        "kafka": f"{in_force.kafka_bootstrap_servers} (auth {in_force.kafka_auth})",
        "rest-proxy": in_force.rest_proxy_url,
        "connect": in_force.connect_url,
        "spark": in_force.spark_remote or "a session inside each command",
        "mysql": in_force.mysql_url.get_secret_value().rpartition("@")[2],
        "tables": in_force.tables_path,
        "checkpoints": in_force.checkpoint_path,
    }
    if name is not None:
        if name not in addresses:
            raise typer.BadParameter(f"there is no address {name!r}; there are {', '.join(addresses)}, api")
        say(addresses[name])
        return
    for key, value in addresses.items():
        say(f"{key:<12} {value}")


COMMANDS = (up, down, clean, provision, doctor, status, logs, where)
