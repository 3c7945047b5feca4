"""The options of ``format("kinesis")``, Databricks' names and defaults, checked once into values."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pyspark_kinesis import position, units
from pyspark_kinesis.errors import OptionError

_T = TypeVar("_T")
_ARN = re.compile(r"arn:aws[a-z-]*:kinesis:(?P<region>[a-z0-9-]+):\d{12}:stream/[a-zA-Z0-9_.-]{1,128}")
_NAME = re.compile(r"[a-zA-Z0-9_.-]{1,128}")

WITHOUT_EFFECT = {
    "maxfetchduration": "what was fetched is handed over as soon as Spark asks",
    "coalescethresholdblocksize": "a batch's tasks are cut by size already",
    "coalescebinsize": "a batch's tasks are cut by size already",
    "consumername": "it belongs to consumerMode=efo",
    "consumernameprefix": "it belongs to consumerMode=efo",
    "consumerrefreshinterval": "it belongs to consumerMode=efo",
    "registeredconsumerid": "it belongs to consumerMode=efo",
    "registeredconsumeridtype": "it belongs to consumerMode=efo",
    "requireconsumerderegistration": "it belongs to consumerMode=efo",
}
"""Databricks' options that are taken and change nothing here, in lower case, with the reason."""


@dataclass(frozen=True)
class Connection:
    """How to reach Kinesis and as whom. None: what botocore finds (environment, profile, role of the machine)."""

    region: str | None = None
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    role_arn: str | None = None
    role_external_id: str | None = None
    role_session_name: str = "pyspark-kinesis"
    sts_endpoint: str | None = None
    cbor: bool = True


@dataclass(frozen=True)
class Options:
    """Everything a query was given; times in seconds, sizes in bytes."""

    streams: tuple[str, ...]
    initial: position.Initial | None
    """None when it was not said: a stream then begins at the latest record, a batch at the oldest."""
    connection: Connection
    max_records_per_fetch: int = 10_000
    max_fetch_rate: float | None = None
    """Bytes a second and shard; None: no limit but Kinesis' own."""
    min_fetch_period: float = 0.4
    fetch_buffer_size: int = 20 << 30
    shards_per_task: int | None = None
    max_partitions: int | None = None
    shard_fetch_interval: float = 1.0
    max_shards_per_describe: int = 100
    max_records_per_trigger: int = 1_000_000
    max_bytes_per_trigger: int | None = None
    inline: bool = False
    spool_dir: str | None = None
    fail_on_data_loss: bool = True
    ignored: tuple[str, ...] = ()
    """One sentence for each option that was given and changes nothing."""


def parse(given: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> Options:
    """The options of one ``readStream`` or ``read``. ``OptionError`` names the option and what it may be."""
    return _Parser(given, environment).parse()


class _Parser:
    """Takes options one by one; what is left in the end is unknown."""

    def __init__(self, given: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._left = {name.lower(): str(value).strip() for name, value in given.items()}
        self._spelled = {name.lower(): name for name in given}
        self._environment = environment

    def parse(self) -> Options:
        streams, region_of_arn = self._streams()
        self._refuse_what_is_not_here()
        rows, nbytes = self._take("maxRecordsPerTrigger"), self._take("maxBytesPerTrigger")
        per_task, partitions = self._take("shardsPerTask"), self._take("maxPartitions")
        self._one_of("maxRecordsPerTrigger", rows, "maxBytesPerTrigger", nbytes)
        self._one_of("shardsPerTask", per_task, "maxPartitions", partitions)
        initial = self._take("initialPosition")
        rate = self._number("maxFetchRate", self._take("maxFetchRate"), 0.001, 2.0)
        self._value("maxFetchDuration", self._left.get("maxfetchduration"), units.seconds)
        options = Options(
            streams=streams,
            initial=None if initial is None else position.parse(initial),
            connection=self._connection(region_of_arn),
            max_records_per_fetch=self._whole("maxRecordsPerFetch", self._take("maxRecordsPerFetch"), 10_000, 10_000),
            max_fetch_rate=None if rate is None else rate * 1_000_000,
            min_fetch_period=self._time("minFetchPeriod", 0.4, at_least=0.2),
            fetch_buffer_size=self._value("fetchBufferSize", self._take("fetchBufferSize"), units.size) or 20 << 30,
            shards_per_task=None if per_task is None else self._whole("shardsPerTask", per_task, 1),
            max_partitions=None if partitions is None else self._whole("maxPartitions", partitions, 1),
            shard_fetch_interval=self._time("shardFetchInterval", 1.0, at_least=0.1),
            max_shards_per_describe=self._whole(
                "maxShardsPerDescribe", self._take("maxShardsPerDescribe"), 100, 10_000
            ),
            max_records_per_trigger=self._whole("maxRecordsPerTrigger", rows, 1_000_000),
            max_bytes_per_trigger=self._value("maxBytesPerTrigger", nbytes, units.size),
            inline=self._choice("planMode", "spool", ("spool", "inline")) == "inline",
            spool_dir=self._take("spoolDir"),
            fail_on_data_loss=self._choice("failOnDataLoss", "true", ("true", "false")) == "true",
            ignored=tuple(self._ignored()),
        )
        return options

    def _streams(self) -> tuple[tuple[str, ...], str | None]:
        names, arns = self._take("streamName"), self._take("streamARN")
        if (names is None) == (arns is None):
            raise OptionError("give the stream by either streamName or streamARN")
        streams = tuple(dict.fromkeys(text.strip() for text in (names or arns or "").split(",") if text.strip()))
        option, form = ("streamName", _NAME) if names is not None else ("streamARN", _ARN)
        wrong = [stream for stream in streams if not form.fullmatch(stream)]
        if wrong or not streams:
            raise OptionError(
                f"{option} is {names if names is not None else arns!r}: {', '.join(wrong) or 'it'} names no stream"
            )
        regions = {match["region"] for stream in streams if (match := _ARN.fullmatch(stream))}
        if len(regions) > 1:
            raise OptionError(f"streamARN names {len(regions)} regions: use a query for each")
        return streams, next(iter(regions), None)

    def _refuse_what_is_not_here(self) -> None:
        mode = self._take("consumerMode")
        if mode is not None and mode.lower() == "efo":
            raise OptionError("consumerMode=efo (enhanced fan-out) is not supported by this source: use polling")
        if mode is not None and mode.lower() != "polling":
            raise OptionError(f"consumerMode is {mode!r}: it may be polling")
        if "servicecredential" in self._left:
            raise OptionError("serviceCredential exists on Databricks only: use roleArn, or the machine's own role")

    def _connection(self, region_of_arn: str | None) -> Connection:
        access, secret = self._take("awsAccessKey"), self._take("awsSecretKey")
        token = self._take("awsSessionToken")
        if (access is None) != (secret is None) or (token is not None and access is None):
            raise OptionError(
                "awsAccessKey and awsSecretKey are given together or not at all (awsSessionToken with them)"
            )
        role = self._take("roleArn")
        belongs = {name: self._take(name) for name in ("roleExternalId", "roleSessionName", "stsEndpoint")}
        for name, value in belongs.items():
            if value is not None and role is None:
                raise OptionError(f"{name} is given without roleArn")
        region = self._take("region")
        if region and region_of_arn and region != region_of_arn:
            raise OptionError(f"region is {region}, the streamARN's is {region_of_arn}")
        environment = self._environment.get("AWS_REGION") or self._environment.get("AWS_DEFAULT_REGION")
        no_cbor = self._environment.get("AWS_CBOR_DISABLE", "").lower() in ("1", "true")
        return Connection(
            region=region or region_of_arn or environment,
            endpoint=self._take("endpoint") or self._endpoint_of_environment(),
            access_key=access,
            secret_key=secret,
            session_token=token,
            role_arn=role,
            role_external_id=belongs["roleExternalId"],
            role_session_name=belongs["roleSessionName"] or "pyspark-kinesis",
            sts_endpoint=belongs["stsEndpoint"],
            cbor=self._choice("wireFormat", "json" if no_cbor else "cbor", ("cbor", "json")) == "cbor",
        )

    def _endpoint_of_environment(self) -> str | None:
        # resolved where the query is planned, as the region is: tasks on other machines must not look elsewhere
        if self._environment.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
            return None
        return self._environment.get("AWS_ENDPOINT_URL_KINESIS") or self._environment.get("AWS_ENDPOINT_URL") or None

    def _ignored(self) -> list[str]:
        said = []
        for name in sorted(self._left):
            reason = WITHOUT_EFFECT.get(name, "this source does not know it")
            said.append(f"option {self._spelled[name]} has no effect: {reason}")
        return said

    def _take(self, name: str) -> str | None:
        return self._left.pop(name.lower(), None) or None

    def _value(self, name: str, text: str | None, read: Callable[[str], _T]) -> _T | None:
        try:
            return None if text is None else read(text)
        except ValueError as error:
            raise OptionError(f"{name}: {error}") from error

    def _number(self, name: str, text: str | None, least: float, most: float) -> float | None:
        number = self._value(name, text, float)
        if number is not None and not least <= number <= most:
            raise OptionError(f"{name} is {text}: it may be at most {most:g} and must be above 0")
        return number

    def _whole(self, name: str, text: str | None, default: int, most: int | None = None) -> int:
        number = self._value(name, text, int)
        if number is None:
            return default
        if number < 1 or (most is not None and number > most):
            raise OptionError(
                f"{name} is {text}: it may be 1 to {most}" if most else f"{name} is {text}: it must be 1 or more"
            )
        return number

    def _time(self, name: str, default: float, at_least: float) -> float:
        text = self._take(name)
        duration = self._value(name, text, units.seconds)
        if duration is None:
            return default
        if duration < at_least:
            raise OptionError(f"{name} is {text}: it must be {at_least * 1000:g}ms or more")
        return duration

    def _choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        text = (self._take(name) or default).lower()
        if text not in choices:
            raise OptionError(f"{name} is {text!r}: it may be {' or '.join(choices)}")
        return text

    def _one_of(self, first: str, a: str | None, second: str, b: str | None) -> None:
        if a is not None and b is not None:
            raise OptionError(f"give either {first} or {second}, not both")
