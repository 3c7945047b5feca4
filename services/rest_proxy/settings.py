"""The proxy's settings: read once from the environment, checked there, passed on as one value."""

import logging
import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.rest_proxy.errors import SettingsError

KafkaConfig = dict[str, Any]

Seconds = Annotated[float, Field(gt=0, le=3600)]
log = logging.getLogger(__name__)

_ADDRESS = re.compile(r"^(\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})$")


class Settings(BaseSettings):
    """Every setting with its default; each is read from the variable named in its alias.

    Times are in seconds and sizes in bytes. An empty variable counts as unset.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    bootstrap_servers: str = Field(default="127.0.0.1:9092", validation_alias="KAFKA_BOOTSTRAP_SERVERS")
    auth: Literal["none", "msk_iam"] = Field(default="none", validation_alias="KAFKA_AUTH")
    region: str = Field(default="", validation_alias="AWS_REGION")
    """Of the MSK cluster; asked for with msk_iam alone."""
    host: str = Field(default="127.0.0.1", validation_alias="REST_PROXY_HOST")
    port: int = Field(default=8082, validation_alias="REST_PROXY_PORT", ge=1, le=65535)

    max_request_bytes: int = Field(
        default=10 * 2**20, validation_alias="REST_PROXY_MAX_REQUEST_BYTES", ge=1024, le=2**30
    )
    """One request's body; API Gateway's own limit is 10 MB."""
    max_request_records: int = Field(
        default=10_000, validation_alias="REST_PROXY_MAX_REQUEST_RECORDS", ge=1, le=1_000_000
    )
    max_body_memory_bytes: int = Field(
        default=128 * 2**20, validation_alias="REST_PROXY_MAX_BODY_MEMORY_BYTES", ge=2**20
    )
    """All bodies that are being read or produced at one moment."""
    body_timeout: Seconds = Field(default=10, validation_alias="REST_PROXY_BODY_TIMEOUT_SECONDS")
    """From a request's headers to the last byte of its body."""
    idle_timeout: Seconds = Field(default=60, validation_alias="REST_PROXY_IDLE_TIMEOUT_SECONDS")
    """A connection without a complete set of request headers for this long is closed."""
    shutdown_timeout: Seconds = Field(default=15, validation_alias="REST_PROXY_SHUTDOWN_TIMEOUT_SECONDS")

    produce_timeout: Annotated[float, Field(ge=1, le=300)] = Field(
        default=10, validation_alias="REST_PROXY_PRODUCE_TIMEOUT_SECONDS"
    )
    """A produce request is answered within this time, whatever the broker does."""
    linger_ms: float = Field(default=1, validation_alias="REST_PROXY_LINGER_MS", ge=0, le=1000)
    queue_messages: int = Field(default=100_000, validation_alias="REST_PROXY_QUEUE_MESSAGES", ge=1, le=10_000_000)
    queue_bytes: int = Field(default=64 * 2**20, validation_alias="REST_PROXY_QUEUE_BYTES", ge=2**20, le=2**31)
    metadata_timeout: Seconds = Field(default=5, validation_alias="REST_PROXY_METADATA_TIMEOUT_SECONDS")

    max_consumers: int = Field(default=32, validation_alias="REST_PROXY_MAX_CONSUMERS", ge=0, le=1000)
    consumer_idle_timeout: Seconds = Field(default=300, validation_alias="REST_PROXY_CONSUMER_IDLE_SECONDS")
    """A consumer instance that nobody asked anything for this long is closed."""
    read_timeout: Seconds = Field(default=1, validation_alias="REST_PROXY_READ_TIMEOUT_SECONDS")
    """How long a read waits for its first record when the caller does not say."""
    max_read_timeout: Seconds = Field(default=25, validation_alias="REST_PROXY_MAX_READ_TIMEOUT_SECONDS")
    """The longest a caller may ask a read to wait; API Gateway gives up after 29 s."""
    max_read_bytes: int = Field(default=8 * 2**20, validation_alias="REST_PROXY_MAX_READ_BYTES", ge=1024)
    access_log: bool = Field(default=True, validation_alias="REST_PROXY_ACCESS_LOG")

    @field_validator("bootstrap_servers")
    @classmethod
    def _addresses(cls, text: str) -> str:
        for address in text.split(","):
            match = _ADDRESS.match(address.strip())
            if not match or not 0 < int(match[2]) < 65536:
                raise ValueError(f"{address.strip()!r} is not host:port")
        return text

    @model_validator(mode="after")
    def _region_for_msk(self) -> Self:
        if self.auth == "msk_iam" and not self.region:
            raise ValueError("KAFKA_AUTH=msk_iam needs AWS_REGION, the cluster's region")
        return self

    @field_validator("host")
    @classmethod
    def _host(cls, text: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._:-]+", text):
            raise ValueError(f"{text!r} is not a host name or address")
        return text

    def kafka_config(self) -> KafkaConfig:
        """What every Kafka client of the proxy is configured with: where the brokers are, and how to log in.

        On MSK by a token that is signed with the credentials of the environment, the profile or the machine's role.
        """
        login = {"security.protocol": "SASL_SSL", "sasl.mechanisms": "OAUTHBEARER", "oauth_cb": self._token}
        return {
            **(login if self.auth == "msk_iam" else {}),
            "bootstrap.servers": self.bootstrap_servers,
            "client.id": "pinpipe-rest-proxy",
            # a broker that is back is found again within a second; the default waits up to ten
            "reconnect.backoff.max.ms": 1000,
            "socket.keepalive.enable": True,
            # what matters reaches the proxy's own log through callbacks, once
            "log_level": 2,
        }

    def _token(self, _: str | None) -> tuple[str, float]:
        """A token and when it expires, in seconds since the epoch; librdkafka asks again before that."""
        from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

        try:
            token, expires_ms = MSKAuthTokenProvider.generate_auth_token(self.region)
        except Exception as error:  # librdkafka only says that it got none
            log.error("no token for MSK: %s", error)
            raise
        return token, expires_ms / 1000


def load() -> Settings:
    """Read and check the environment.

    :raises SettingsError: with one line for each variable that is wrong, all of them at once
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            text = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{problem['loc'][0]}={problem['input']}: {text}" if problem["loc"] else text)
        raise SettingsError(lines) from None
