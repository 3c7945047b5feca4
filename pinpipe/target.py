"""Whether all settings agree on where the pipeline runs: all of them on this machine, or all of them on AWS.

Nothing is looked up and nothing is asked: an address is local by what it says.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator, Mapping
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from pydantic import SecretStr

    from pinpipe.settings import Settings

DUMMY_KEYS = frozenset({"test", "dummy", "localstack"})


def problems(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """What does not fit together, a line for each setting; empty when all does.

    ``environment`` are the variables that the clients see besides the settings.
    """
    found = [
        f"{name}: AWS_ENDPOINT_URL alone decides where AWS is; unset it"
        for name in sorted(environment)
        if name == "AWS_ENDPOINT" or name.startswith("AWS_ENDPOINT_URL_")  # the first one is delta-rs's
    ]
    if settings.aws_endpoint_url is not None:
        return [*found, *_locally(settings, settings.aws_endpoint_url)]
    found += _on_aws(settings)
    if found:
        found.append(
            "AWS_ENDPOINT_URL is unset, which means AWS; "
            "for the local stack set it as .env.example does (make setup copies it to .env)"
        )
    return found


def _locally(settings: Settings, endpoint: str) -> Iterator[str]:
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.hostname:
        yield f"AWS_ENDPOINT_URL: {endpoint!r} is not an http(s) address"
    elif url.hostname.endswith("amazonaws.com"):
        yield "AWS_ENDPOINT_URL: for AWS itself leave it unset"
    yield from _half_a_pair(settings)
    if settings.aws_access_key_id is None:
        yield (
            "AWS_ACCESS_KEY_ID: without keys here a profile's or a role's would be sent to AWS_ENDPOINT_URL; "
            "set the dummy keys, as .env.example does"
        )
    elif looks_real(settings) and settings.pin_send_keys_to != endpoint:
        yield (
            f"AWS_ACCESS_KEY_ID: these keys look real, and {endpoint} is not AWS; set the dummy keys, "
            "or repeat the address in PIN_SEND_KEYS_TO"
        )


def _on_aws(settings: Settings) -> Iterator[str]:
    """Settings that still hold their local value although the target is AWS."""
    if settings.pin_user_id == "demo":
        yield "PIN_USER_ID: 'demo' is for the local stack; set your own for AWS"
    yield from _half_a_pair(settings)
    if settings.aws_access_key_id is not None and not _can_be_aws_key(settings.aws_access_key_id):
        yield "AWS_ACCESS_KEY_ID: a dummy key; AWS needs real credentials (or unset both keys for a role)"
    if _reveal(settings.aws_secret_access_key) in DUMMY_KEYS:
        yield "AWS_SECRET_ACCESS_KEY: a dummy key; AWS needs real credentials (or unset both keys for a role)"
    if settings.kafka_auth == "none":
        yield "KAFKA_AUTH: 'none' is for the local stack; set msk_iam"
    # not STREAM_URL: the stream job answers on the machine that it runs on, wherever its data is
    for name, value in (
        ("MYSQL_URL", _reveal(settings.mysql_url)),
        ("REST_PROXY_URL", settings.rest_proxy_url),
        ("CONNECT_URL", settings.connect_url),
        ("AIRFLOW_URL", settings.airflow_url),
        ("SPARK_REMOTE", settings.spark_remote or ""),
        *(("KAFKA_BOOTSTRAP_SERVERS", f"//{server.strip()}") for server in settings.kafka_bootstrap_servers.split(",")),
    ):
        if is_local(urlsplit(value).hostname):
            yield f"{name}: still the local stack's address; set it to yours on AWS"


def _half_a_pair(settings: Settings) -> Iterator[str]:
    if (settings.aws_access_key_id is None) != (settings.aws_secret_access_key is None):
        yield "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: set both or neither"
    elif settings.aws_session_token is not None and settings.aws_access_key_id is None:
        yield "AWS_SESSION_TOKEN: it belongs to a pair of keys; set them too, or unset it"


def _can_be_aws_key(access_key_id: str) -> bool:
    # LocalStack's own begin with L; AWS's have 16 characters and more
    return re.fullmatch(r"(?!L[KS]IA)\w{16,128}", access_key_id) is not None


def looks_real(settings: Settings) -> bool:
    """Whether the keys have the look of AWS's own: a known beginning, a secret of their length, or a session token."""
    return (
        re.fullmatch(r"A[KS]IA\w{12,}", settings.aws_access_key_id or "") is not None
        or re.fullmatch(r"[A-Za-z0-9/+=]{40}", _reveal(settings.aws_secret_access_key)) is not None
        or settings.aws_session_token is not None
    )


def is_local(host: str | None) -> bool:
    """Whether a host's name or address means this machine, or a container beside it (a name without a dot)."""
    if not host:
        return False
    name = host.rstrip(".").lower()
    if ":" in name:
        address = ip_address(name)
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return address.is_loopback or address.is_unspecified
    try:
        address = ip_address(socket.inet_aton(name))  # it takes every form that a connection would, 127.1 too
    except OSError:
        ours = ("localhost", "localhost.localdomain", "localhost.localstack.cloud", "host.docker.internal")
        return "." not in name or name in ours or name.endswith((".localhost", ".localhost.localstack.cloud"))
    return address.is_loopback or address.is_unspecified


def _reveal(secret: SecretStr | None) -> str:
    return "" if secret is None else secret.get_secret_value()
