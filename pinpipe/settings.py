"""Every setting, read and checked once, from the environment and the ``.env`` file.

Standard names wherever one exists, because every tool then reads them by itself. ``AWS_ENDPOINT_URL`` alone
decides where the pipeline runs: set, it is LocalStack; unset or empty, it is AWS, and every setting that still
holds its local value is refused (:mod:`pinpipe.target`).
"""

from __future__ import annotations

import os
import re
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pinpipe import target
from pinpipe.errors import SettingsError

ROOT = Path(__file__).resolve().parent.parent
"""The project's root: where services/, localstack/ and the Makefile are."""

TableName = Literal["pin", "geo", "user"]
TABLES: tuple[TableName, ...] = ("pin", "geo", "user")
"""The three tables, in the order in which they are always named."""

OBJECT_NAME = r"/([^/]+)/partition=(\d{1,9})/\1\+\2\+(\d{10}|[1-9]\d{10,17})\.json$"
"""What the sink calls an object: topic, partition, and the offset of its first record, of ten digits or more. All else
below ``topics/`` is somebody else's. A pattern that Python and Java read alike.
"""

ANSWERS = ("1", "2a", "2b", "3a", "3b", "4", "5", "6", "7", "8")
"""The numbers of the ten answers, for who must not import Spark to know them."""

Port = Annotated[int, Field(ge=1, le=65535)]
Blank = BeforeValidator(lambda value: None if value == "" else value)
"""An empty variable means the same as an unset one, as it does for the AWS tools."""


def _not_everybody(value: str | None) -> str | None:
    if value is not None and IPv4Network(value).prefixlen == 0:
        raise ValueError("this is every address there is; give your own, such as 203.0.113.7/32")
    return value


class Settings(BaseSettings):
    """The settings in force. Field names are the variables' names in lower case."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_file_encoding="utf-8")

    # what it is called
    pin_user_id: Annotated[str, Field(pattern=r"^[a-z0-9-]{3,40}$")] = "demo"

    # AWS: the endpoint has no default on purpose, see the module's text
    aws_endpoint_url: Annotated[str | None, Blank] = None
    aws_region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")] = "us-east-1"
    aws_access_key_id: Annotated[str | None, Blank] = None
    aws_secret_access_key: Annotated[SecretStr | None, Blank] = None
    aws_session_token: Annotated[SecretStr | None, Blank] = None
    # the endpoint once more, where keys that look real are meant to go to one that is not AWS's
    pin_send_keys_to: Annotated[str | None, Blank] = None

    # the API: its link to the REST proxy's private network (empty: over the internet), whether requests are signed
    # (empty: on AWS), where they may come from, whose scripts may read (CORS)
    api_vpc_link: Annotated[str | None, Field(pattern=r"^[a-z0-9]+$"), Blank] = None
    api_auth: Annotated[Literal["AWS_IAM", "NONE"] | None, Blank] = None
    api_allowed_cidr: Annotated[str | None, AfterValidator(_not_everybody), Blank] = None
    api_allowed_origin: Annotated[str, Field(pattern=r"^https?://[A-Za-z0-9.:-]+$")] = "http://localhost"

    # addresses
    mysql_url: SecretStr = SecretStr("mysql://pinpipe:pinpipe@127.0.0.1:3306/pinterest_data")
    kafka_bootstrap_servers: str = "127.0.0.1:9092"
    kafka_auth: Literal["none", "msk_iam"] = "none"
    rest_proxy_url: str = "http://127.0.0.1:8082"
    connect_url: str = "http://127.0.0.1:8083"
    spark_remote: Annotated[str | None, Blank] = None
    stream_url: str = "http://127.0.0.1:8084"
    airflow_url: str = "http://127.0.0.1:8080"
    dashboard_url: str = "http://127.0.0.1:2718"

    # where tables and checkpoints are; empty: in the user's bucket
    pin_tables_path: Annotated[str | None, Blank] = None
    pin_checkpoint_path: Annotated[str | None, Blank] = None

    # how the sink cuts its objects: the course writes one object per record (1); batches are ours
    pin_flush_size: Annotated[int, Field(ge=1, le=100_000)] = 500
    pin_rotate_ms: Annotated[int, Field(ge=200, le=3_600_000)] = 1000

    # how the three streams are made: with a shard each, or with as many as AWS chooses (the course)
    pin_stream_mode: Literal["provisioned", "on-demand"] = "provisioned"

    # the heap of the Spark server, or of a command's own session
    pin_spark_memory: Annotated[str, Field(pattern=r"^\d+[mg]$")] = "1g"

    # the heap of the stream job's driver
    pin_stream_memory: Annotated[str, Field(pattern=r"^\d+[mg]$")] = "768m"

    # one port per part, all on 127.0.0.1
    mysql_port: Port = 3306
    kafka_port: Port = 9092
    kafka_controller_port: Port = 9093
    connect_port: Port = 8083
    rest_proxy_port: Port = 8082
    localstack_port: Port = 4566
    spark_connect_port: Port = 15002
    stream_port: Port = 8084
    airflow_port: Port = 8080
    dashboard_port: Port = 2718

    # the password of Airflow's user admin; empty: the native stack makes one
    pin_airflow_password: Annotated[SecretStr | None, Blank] = None

    # how many posts the demo of compose sends into each path
    pin_posts: Annotated[int, Field(ge=1)] = 1000

    # the address that the parts listen on; compose sets another inside its containers
    pin_bind: str = "127.0.0.1"

    # where a native stack keeps its data, logs and run files
    pin_home: Annotated[Path, BeforeValidator(lambda value: ROOT / (value or ".pinpipe"))] = ROOT / ".pinpipe"

    @model_validator(mode="after")
    def _fits_together(self) -> Settings:
        if found := target.problems(self, os.environ):
            raise ValueError("\n".join(found))
        return self

    # names in the data's path

    @property
    def bucket(self) -> str:
        return f"user-{self.pin_user_id}-bucket"

    @property
    def tables_path(self) -> str:
        return (self.pin_tables_path or f"s3a://{self.bucket}/delta").rstrip("/")

    @property
    def checkpoint_path(self) -> str:
        return (self.pin_checkpoint_path or f"s3a://{self.bucket}/checkpoints").rstrip("/")

    @property
    def dead_letter_topic(self) -> str:
        return f"dlq.{self.pin_user_id}.s3-sink"

    @property
    def connector(self) -> str:
        return f"{self.pin_user_id}-connector"

    @property
    def dag(self) -> str:
        """The id of the daily job's DAG."""
        return f"{self.pin_user_id}_dag"

    def topic(self, table: str) -> str:
        """The Kafka topic of a table, ``<UserId>.pin`` for ``pin``."""
        return f"{self.pin_user_id}.{table}"

    def stream(self, table: str) -> str:
        """The Kinesis stream of a table, ``streaming-<UserId>-pin`` for ``pin``."""
        return f"streaming-{self.pin_user_id}-{table}"

    @property
    def api_signed(self) -> bool:
        """Whether requests to the API are signed: on AWS, unless ``API_AUTH`` says otherwise."""
        return self.api_auth == "AWS_IAM" or (self.api_auth is None and not self.local)

    @property
    def spark_address(self) -> str:
        """``SPARK_REMOTE`` without its token; empty for none."""
        return re.sub(r";token=[^;]*", "", self.spark_remote or "")

    @property
    def local(self) -> bool:
        """Whether the target is the local stack (``AWS_ENDPOINT_URL`` set) and not AWS."""
        return self.aws_endpoint_url is not None

    def from_outside(self, url: str) -> str:
        """An address as the host has it: the containers (``PIN_BIND``) have other host names, but the same ports."""
        if self.pin_bind == "127.0.0.1":
            return url
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"127.0.0.1:{parts.port}"))

    def environment(self) -> dict[str, str]:
        """The settings as environment variables; secrets in the clear."""
        values = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            values[name.upper()] = "" if value is None else str(value)
        return values


def env_file() -> Path:
    """The settings file in force: ``PIN_ENV_FILE``, or ``.env`` in the project's root."""
    return Path(os.environ.get("PIN_ENV_FILE", ROOT / ".env"))


def load() -> Settings:
    """Read and check all settings; raise :class:`SettingsError` with a line for each that can't be used."""
    try:
        return Settings(_env_file=env_file())  # type: ignore[call-arg]  # pydantic-settings takes it, see its docs
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            if not problem["loc"]:  # ours, one line each already
                lines += str(problem["ctx"]["error"]).splitlines()
                continue
            name = str(problem["loc"][0]).upper()
            message = re.sub(r"^Value error, ", "", problem["msg"])
            shown = "" if "SECRET" in name or name == "MYSQL_URL" else f" (it is {problem['input']!r})"
            lines.append(f"{name}: {message}{shown}")
        raise SettingsError("\n".join(lines)) from None
