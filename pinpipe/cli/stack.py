"""The commands that are about the stack: start, stop, look."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from pinpipe import doctor as examination
from pinpipe import settings
from pinpipe.aws import AwsAccess, invoke_url
from pinpipe.cli.output import progress, say
from pinpipe.errors import PinpipeError
from pinpipe.stack import Stack, orphans, require
from pinpipe.stack.parts import BY_NAME, Part


def up(
    parts: Annotated[list[str] | None, typer.Argument(help="Only these parts; all when left out.")] = None,
    airflow: Annotated[bool, typer.Option(help="Start Airflow's three parts, too.")] = True,
) -> None:
    """Start the parts that do not run, and make topics, bucket, API and connector."""
    from pinpipe.provision import NEEDED, provision

    started = time.monotonic()
    in_force = settings.load()
    if not in_force.local:
        raise PinpipeError("AWS_ENDPOINT_URL is unset, which means AWS: there is no local stack to start")
    chosen = tuple(_part(name) for name in parts or BY_NAME)
    if not airflow:
        chosen = tuple(part for part in chosen if part.group != "airflow")
    stack = Stack(in_force)
    _end_orphans(stack)
    findings = examination.examine(in_force, chosen)
    if findings:
        raise PinpipeError("\n".join(map(str, findings)))
    running = {name for name, state in stack.states().items() if state.pid}
    with progress("starting", total=len(chosen)) as bar:

        def answers(name: str) -> None:
            bar.update(bar.task_ids[0], advance=1, description=f"{name} answers")

        waited = [part.name for part in chosen]
        stack.start([part.name for part in chosen if not part.of_user])
        changes: Sequence[str] = ()
        if not parts:
            # the others go on starting: Airflow's API server alone takes as long as these and provisioning together
            stack.wait(NEEDED, answers)
            changes = provision(in_force).changes
            waited = [name for name in waited if name not in NEEDED]
        stack.start([part.name for part in chosen if part.of_user])
        stack.wait(waited, answers)
    for part in chosen:
        say(f"{part.name:<21} {'answers' if part.name in running else 'started'} at {part.address(in_force)}")
    for change in changes:
        say(f"made: {change}")
    say(f"up after {time.monotonic() - started:.0f} s")


def _end_orphans(stack: Stack) -> bool:
    """End the parts whose supervisord was killed; return whether there were any."""
    ended = [] if stack.running else orphans.end(stack.home)
    for name in ended:
        say(f"ended: {name}, whose supervisord was killed")
    return bool(ended)


def provision() -> None:
    """Make topics, bucket, API and connector what they should be; what is there already stays."""
    from pinpipe.provision import NEEDED
    from pinpipe.provision import provision as make

    in_force = settings.load()
    require(in_force, *NEEDED)
    changes = make(in_force, lambda change: say(f"made: {change}")).changes
    if not changes:
        say("all is there")


def deprovision(
    yes: Annotated[bool, typer.Option("--yes", help="Do it on AWS, too; without it, only say what would go.")] = False,
) -> None:
    """Remove the connector, the API, the streams and the roles; the bucket and the topics stay."""
    from pinpipe.deprovision import removals, stays

    in_force = settings.load()
    require(in_force, "localstack", "connect")
    found = removals(in_force)
    if not found:
        say("nothing is there")
        return
    if not in_force.local and not yes:
        for removal in found:
            say(f"would go: {removal.what}")
        say(f"would stay: {stays(in_force)}")
        raise PinpipeError(f"this is AWS, user {in_force.pin_user_id} in {in_force.aws_region}: say --yes to remove it")
    Stack(in_force).note_provisioned(held=False)
    for removal in found:
        removal.remove()
        say(f"removed: {removal.what}")
    say(f"stays: {stays(in_force)}")


def _part(name: str) -> Part:
    if name not in BY_NAME:
        raise typer.BadParameter(f"there is no part {name!r}; there are {', '.join(BY_NAME)}")
    return BY_NAME[name]


def down(
    parts: Annotated[list[str] | None, typer.Argument(help="Only these parts; all when left out.")] = None,
) -> None:
    """Stop the parts. The data of Kafka and MySQL stays; LocalStack forgets its own."""
    chosen = [_part(name).name for name in parts or ()]
    stack = Stack(settings.load())
    if not stack.running:
        if not _end_orphans(stack):
            say("nothing runs")
        return
    with progress("stopping"):
        stack.stop(chosen or None)
    say(f"stopped{' ' if chosen else ''}{', '.join(chosen)}; the data stays ('pinpipe clean' removes it)")


def clean(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Stop all parts and remove their data and logs."""
    in_force = settings.load()
    if not yes:
        typer.confirm(f"Remove all data and logs below {in_force.pin_home}?", abort=True)
    Stack(in_force).stop()
    for name in ("data", "run", "logs"):
        shutil.rmtree(in_force.pin_home / name, ignore_errors=True)
    say("removed: data, logs and run files")


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
        **AwsAccess.of(in_force).addresses(),
        "bucket": in_force.bucket,
        "kafka": f"{in_force.kafka_bootstrap_servers} (auth {in_force.kafka_auth})",
        "rest-proxy": in_force.rest_proxy_url,
        "connect": in_force.connect_url or "MSK Connect, which has no address",
        "spark": in_force.spark_address or "a session inside each command",
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
        say(f"{key:<14} {value}")


COMMANDS = (up, down, clean, provision, deprovision, where)
