"""Makes what the pipeline needs and does not bring itself: topics, bucket, streams, API, the sink's connector.

Every step looks first and changes only what differs, so that all of it can be run again at any time. The stack of
bucket and streams is never deleted from here; LocalStack forgets it when it stops, and then the lake is filled again
from the topics.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, flock
from string import Template
from typing import Any, Literal, TypeVar

import requests
from botocore.exceptions import ClientError
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from pinpipe.aws import AwsAccess, api_stack, stack_outputs, storage_stack
from pinpipe.errors import NotProvisioned, PartDown, SettingsError
from pinpipe.msk import client_config
from pinpipe.settings import ROOT, TABLES, Settings
from pinpipe.stack import Stack

T = TypeVar("T")

NEEDED = ("kafka", "localstack", "connect")
"""The parts that must answer."""

CONNECTOR_SECONDS = 60
"""How long the connector's task may take to run after its properties changed."""


@dataclass(frozen=True)
class Provisioned:
    """What a run of :func:`provision` changed, in words; empty when all was there."""

    changes: tuple[str, ...]


def provision(settings: Settings, report: Callable[[str], None] = lambda change: None) -> Provisioned:
    """Make topics, bucket, streams, API and connector what they should be; ``report`` is told each change at once.

    Of two at the same time on the local stack the second waits for the first.
    """
    if not settings.local:
        return _provision(settings, report)
    lock = settings.pin_home / "run" / "provision.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as file:
        flock(file, LOCK_EX)
        done = _provision(settings, report)
        Stack(settings).note_provisioned()
    return done


def _provision(settings: Settings, report: Callable[[str], None]) -> Provisioned:
    changes: list[str] = []

    def changed(text: str) -> None:
        changes.append(text)
        report(text)

    for topic in topics(settings):
        changed(f"topic {topic}")
    access = AwsAccess.of(settings)
    if settings.connect_url and not _bucket_is_there(settings, access):
        hold(settings)  # with new records in it the lake would not be empty, and never be filled with the old ones
    for change in (*storage(settings, access), *streams(settings, access)):
        changed(change)
    if api(settings, access):
        changed(f"API {settings.pin_user_id}-api")
    if settings.connect_url:  # MSK Connect has none: aws/msk-connect.yaml makes the connector there
        if lake_is_empty(settings, access) and refill(settings):
            changed("the lake was empty: it fills again from the topics")
        if connector(settings, access):
            changed(f"connector {settings.connector}")
    return Provisioned(tuple(changes))


# Kafka


def topics(settings: Settings) -> list[str]:
    """Create the missing ones of the three topics and the dead-letter topic; return their names."""
    admin = AdminClient(client_config(settings))
    wanted = [settings.topic(table) for table in TABLES] + [settings.dead_letter_topic]
    missing = [name for name in wanted if name not in admin.list_topics(timeout=10).topics]
    if missing:  # the client refuses an empty list
        kept = {"retention.ms": "-1"}
        made = admin.create_topics([NewTopic(name, num_partitions=1, config=kept) for name in missing])
        for future in made.values():
            future.result(timeout=30)
    return missing


# CloudFormation


def _deploy(access: AwsAccess, name: str, template: str, parameters: dict[str, str], *, update: bool = False) -> None:
    cloudformation = access.cloudformation()
    deploy = cloudformation.update_stack if update else cloudformation.create_stack
    deploy(
        StackName=name,
        TemplateBody=template,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    done = cloudformation.get_waiter("stack_update_complete" if update else "stack_create_complete")
    done.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})


def delete_stack(access: AwsAccess, name: str) -> None:
    """Delete a stack and wait until it is gone; what its template retains stays."""
    cloudformation = access.cloudformation()
    cloudformation.delete_stack(StackName=name)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )


def _template(file: str, parameters: dict[str, str]) -> tuple[str, str]:
    """A template of localstack/, and the hash that tells whether it or its parameters changed."""
    template = (ROOT / "localstack" / file).read_text()
    return template, hashlib.sha256((template + json.dumps(parameters)).encode()).hexdigest()[:16]


def storage(settings: Settings, access: AwsAccess) -> list[str]:
    """Create the stack of bucket, streams and role, or update it when its template changed; return what was done.

    A bucket that is there without the stack is used as it is. An update never touches the bucket.
    """
    parameters = {"UserId": settings.pin_user_id, "StreamMode": _stream_mode(settings)}
    template, document = _template("storage.yaml", parameters)
    template = template.replace("DocumentHash\n", f"{document}\n")
    name = storage_stack(settings)
    outputs = stack_outputs(access, name)
    present = _bucket_is_there(settings, access)
    if not outputs:
        _deploy(access, name, template, parameters | {"MakeBucket": "no" if present else "yes"})
        return ["streams and role"] if present else [f"bucket {settings.bucket}, streams and role"]
    if not present:
        raise NotProvisioned(
            f"the bucket {settings.bucket} is gone, its stack {name} is not: delete the stack, which takes the streams "
            "with it, and run 'pinpipe provision'"
        )
    if outputs.get("DocumentHash") == document:
        return []
    _deploy(access, name, template, parameters | {"MakeBucket": outputs.get("MakeBucket", "yes")}, update=True)
    return [f"stack {name}"]


def _bucket_is_there(settings: Settings, access: AwsAccess) -> bool:
    try:
        access.s3().head_bucket(Bucket=settings.bucket)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
            raise
        return False
    return True


def _stream_mode(settings: Settings) -> Literal["PROVISIONED", "ON_DEMAND"]:
    return "ON_DEMAND" if settings.pin_stream_mode == "on-demand" else "PROVISIONED"


def streams(settings: Settings, access: AwsAccess) -> list[str]:
    """Create the streams that are missing and set the mode of those in another; return what was done.

    The stack has made them; but a stream can be deleted through the API, and LocalStack answers an update of a
    stream as complete and changes nothing.
    """
    kinesis = access.kinesis()
    mode = _stream_mode(settings)
    done = []
    for name in map(settings.stream, TABLES):
        try:
            present = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
        except kinesis.exceptions.ResourceNotFoundException:
            if mode == "ON_DEMAND":
                kinesis.create_stream(StreamName=name, StreamModeDetails={"StreamMode": mode})
            else:
                kinesis.create_stream(StreamName=name, ShardCount=1, StreamModeDetails={"StreamMode": mode})
            done.append(f"stream {name}")
        else:
            if present["StreamModeDetails"]["StreamMode"] == mode:
                continue
            kinesis.update_stream_mode(StreamARN=present["StreamARN"], StreamModeDetails={"StreamMode": mode})
            done.append(f"stream {name} is {settings.pin_stream_mode} now")
        kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 300})
    return done


def api(settings: Settings, access: AwsAccess) -> bool:
    """Create the API's stack, or update it when its template or its parameters changed; return whether it did.

    LocalStack answers an update of an API as complete and changes nothing: there a changed one is deleted and created.
    On AWS that would change its address.
    """
    parameters = api_parameters(settings)
    template, document = _template("api.yaml", parameters)
    name = api_stack(settings)
    outputs = stack_outputs(access, name)
    if outputs.get("DocumentHash") == document:
        return False
    if outputs and settings.local:
        delete_stack(access, name)
    template = template.replace("DocumentHash\n", f"{document}\n").replace(
        "DeploymentDocumentHash", f"Deployment{document}"
    )
    _deploy(access, name, template, parameters, update=bool(outputs) and not settings.local)
    return True


def api_parameters(settings: Settings) -> dict[str, str]:
    """What the API's template is deployed with."""
    if not settings.local and settings.api_allowed_cidr is None:
        raise SettingsError("API_ALLOWED_CIDR: say where requests to the API may come from, such as 203.0.113.7/32")
    return {
        "UserId": settings.pin_user_id,
        "RestProxyUrl": settings.rest_proxy_url,
        "VpcLink": settings.api_vpc_link or "",
        "ApiAuth": "AWS_IAM" if settings.api_signed else "NONE",
        "AllowedCidr": settings.api_allowed_cidr or "127.0.0.0/8",
        "AllowedOrigin": settings.api_allowed_origin,
    }


# Connect


def ask_connect(settings: Settings, method: str, path: str, **arguments: Any) -> requests.Response:
    """Call Connect's REST API about our connector; a rebalance is waited for."""
    url = f"{settings.connect_url}/connectors/{settings.connector}{path}"

    def call() -> requests.Response:
        try:
            return requests.request(method, url, timeout=30, **arguments)
        except requests.RequestException as error:
            raise PartDown(f"Kafka Connect does not answer at {settings.connect_url}: {error}") from None

    # 409: a rebalance is under way, or the connector is still stopping; it passes
    return _wait_for(call, lambda answer: answer.status_code != 409, 60)


def _wait_for(ask: Callable[[], T], enough: Callable[[T], bool], seconds: float) -> T:
    """Ask until the answer is enough or the time is over; return the last answer."""
    answer: T = ask()

    def again() -> bool:
        nonlocal answer
        answer = ask()
        return enough(answer)

    if not enough(answer):
        with suppress(RetryError):
            Retrying(
                stop=stop_after_delay(seconds), wait=wait_fixed(0.5), retry=retry_if_result(lambda done: not done)
            )(again)
    return answer


def connector_properties(settings: Settings, access: AwsAccess) -> dict[str, str]:
    """The sink connector's properties for the settings in force."""
    text = (ROOT / "services" / "connect" / "s3-sink.json").read_text()
    properties: dict[str, str] = json.loads(Template(text).safe_substitute(settings.environment()))
    return properties | access.sink()


def connector(settings: Settings, access: AwsAccess) -> bool:
    """Create or change the connector and wait until its task runs; return whether its properties changed."""
    wanted = connector_properties(settings, access)
    present = ask_connect(settings, "GET", "/config")
    changed = not present.ok or present.json() != wanted | {"name": settings.connector}
    if changed:
        answer = ask_connect(settings, "PUT", "/config", json=wanted)
        if not answer.ok:
            raise NotProvisioned(f"Kafka Connect refuses {settings.connector}: {answer.json().get('message')}")

    def failed_or_running() -> str | None:
        status = ask_connect(settings, "GET", "/status").json()
        tasks = [task["state"] for task in status.get("tasks", [])]
        if "FAILED" in tasks:
            ask_connect(settings, "POST", "/restart?includeTasks=true&onlyFailed=true")
        return "running" if tasks and set(tasks) == {"RUNNING"} else None

    if _wait_for(failed_or_running, lambda state: state == "running", CONNECTOR_SECONDS) != "running":
        tasks = ask_connect(settings, "GET", "/status").json().get("tasks", [])
        traces = [task["trace"].splitlines()[0] for task in tasks if task.get("trace")]
        raise NotProvisioned(
            f"connector {settings.connector} does not run after {CONNECTOR_SECONDS} s: {traces or 'it has no task'}; "
            f"its log is {settings.pin_home / 'logs' / 'connect.log'}"
        )
    return changed


def lake_is_empty(settings: Settings, access: AwsAccess) -> bool:
    """Whether the bucket holds no object below ``topics/``."""
    return access.s3().list_objects_v2(Bucket=settings.bucket, Prefix="topics/", MaxKeys=1)["KeyCount"] == 0


def hold(settings: Settings) -> None:
    """Stop the connector, if there is one, and wait until its tasks are gone; it stays stopped until it is resumed."""
    if ask_connect(settings, "PUT", "/stop").status_code == 404:
        return

    def tasks() -> bool:
        return bool(ask_connect(settings, "GET", "/status").json().get("tasks"))

    if _wait_for(tasks, lambda any_left: not any_left, CONNECTOR_SECONDS):
        raise NotProvisioned(f"connector {settings.connector} does not stop: see 'pinpipe logs connect'")


def refill(settings: Settings) -> bool:
    """Let the sink begin at the topics' start again; return False when it has read nothing so far.

    Stops the connector, deletes its offsets through Connect's REST API, resumes it; also one that was left stopped.
    """
    answer = ask_connect(settings, "GET", "/offsets")
    if not answer.ok:
        return False
    begun = any(entry["offset"] for entry in answer.json()["offsets"])
    if begun:
        hold(settings)
        # the consumer group may take a moment to be empty after the stop
        _wait_for(lambda: ask_connect(settings, "DELETE", "/offsets"), lambda answer: answer.ok, 30).raise_for_status()
    ask_connect(settings, "PUT", "/resume").raise_for_status()
    return begun
