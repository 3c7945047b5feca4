"""Logging in to Kafka: nothing locally, a token signed with AWS credentials on MSK (``KAFKA_AUTH=msk_iam``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.credentials import CredentialProvider

from pinpipe.aws import AwsAccess
from pinpipe.errors import PinpipeError

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from pinpipe.settings import Settings

Token = tuple[str, float]
"""A token and when it expires, in seconds since the epoch."""


def client_config(settings: Settings) -> dict[str, Any]:
    """What every Kafka client (confluent-kafka) is configured with: where the brokers are, and how to log in."""
    config: dict[str, Any] = {"bootstrap.servers": settings.kafka_bootstrap_servers}
    if settings.kafka_auth == "msk_iam":
        config |= {
            "security.protocol": "SASL_SSL",
            "sasl.mechanisms": "OAUTHBEARER",
            "oauth_cb": token_of(AwsAccess.of(settings)),
        }
    return config


def token_of(access: AwsAccess) -> Callable[[str | None], Token]:
    """What librdkafka calls for a token, at first and each time before the last one expires.

    Raises :class:`PinpipeError` when there are no credentials: librdkafka would wait for ten seconds and not say why.
    """
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

    credentials = access.credentials()
    if credentials is None:
        raise PinpipeError("no AWS credentials for MSK: set AWS_ACCESS_KEY_ID and so on, or a profile or role")
    provider = _Given(credentials)

    def token(_: str | None) -> Token:
        signed, expires_ms = MSKAuthTokenProvider.generate_auth_token_from_credentials_provider(access.region, provider)
        return signed, expires_ms / 1000

    return token


class _Given(CredentialProvider):
    """The credentials that all other clients use; a role's refresh themselves."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials:
        return self._credentials
