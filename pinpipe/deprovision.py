"""Takes back what :mod:`pinpipe.provision` made, but never data: bucket and topics stay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pinpipe.aws import AwsAccess, api_stack, find_stack, storage_stack
from pinpipe.errors import NotProvisioned
from pinpipe.provision import ask_connect, delete_stack
from pinpipe.settings import TABLES, Settings


@dataclass(frozen=True)
class Removal:
    """One thing that would go: what it is, in words, and how."""

    what: str
    remove: Callable[[], None]


def removals(settings: Settings) -> list[Removal]:
    """What is there and would go, in the order in which it has to. Asks, changes nothing."""
    access = AwsAccess.of(settings)
    user = settings.pin_user_id
    found = []
    if settings.connect_url and ask_connect(settings, "GET", "").ok:
        found.append(Removal(f"connector {settings.connector}", partial(_remove_connector, settings)))
    streams = ", ".join(map(settings.stream, TABLES))
    for name, holds in (
        (api_stack(settings), f"API {user}-api with its address"),
        (
            storage_stack(settings),
            f"streams {streams} with their records; roles {user}-kinesis-access-role and {user}-ec2-access-role",
        ),
    ):
        if find_stack(access, name):
            found.append(Removal(f"{holds} (stack {name})", partial(delete_stack, access, name)))
    return found


def _remove_connector(settings: Settings) -> None:
    answer = ask_connect(settings, "DELETE", "")
    if not answer.ok:
        raise NotProvisioned(f"Kafka Connect keeps {settings.connector}: {answer.text}")


def stays(settings: Settings) -> str:
    """What is never removed from here, in words."""
    topics = ", ".join([*map(settings.topic, TABLES), settings.dead_letter_topic])
    return f"bucket {settings.bucket}; topics {topics}"
