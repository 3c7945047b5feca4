"""Who we are and where Kinesis is, as botocore finds it.

No boto3 client is made, and botocore's session only where its search is needed: both cost a query's start its time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pyspark_kinesis.errors import CredentialsError, OptionError
from pyspark_kinesis.options import Connection

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session


@dataclass(frozen=True)
class Identity:
    """Where to call (an address without a path), in which region, and the credentials to sign with."""

    url: str
    region: str
    credentials: Credentials
    """They refresh themselves where they can: assumed roles and machine roles do."""


def resolve(connection: Connection) -> Identity:
    """All that a client needs. What the settings leave out comes from the environment, the profile or the machine.

    ``OptionError`` when nothing says the region, ``CredentialsError`` when there are no credentials.
    """
    own = _given(connection)
    if own is not None and connection.region and connection.endpoint and not connection.role_arn:
        return Identity(connection.endpoint.rstrip("/"), connection.region, own)
    session = _session(connection)
    region = session.get_config_variable("region")
    if not region:
        raise OptionError("no region: set the option region, or AWS_REGION")
    own = own or session.get_credentials()
    if own is None:
        raise CredentialsError("no AWS credentials: set awsAccessKey and awsSecretKey, or AWS_ACCESS_KEY_ID and so on")
    assumed = _assumed(session, region, own, connection) if connection.role_arn else own
    return Identity(_address(session, region, connection), region, assumed)


def _given(connection: Connection) -> Credentials | None:
    """The keys of the options or of the environment."""
    from botocore.credentials import Credentials, EnvProvider
    from botocore.exceptions import PartialCredentialsError

    if connection.access_key and connection.secret_key:
        return Credentials(connection.access_key, connection.secret_key, connection.session_token)
    try:
        return EnvProvider().load()
    except PartialCredentialsError as error:
        raise CredentialsError(f"the AWS credentials in the environment are not whole: {error}") from error


def _session(connection: Connection) -> Session:
    import botocore.session

    found = botocore.session.Session()
    if connection.region:
        found.set_config_variable("region", connection.region)
    return found


def _address(session: Session, region: str, connection: Connection) -> str:
    """The option or the environment (both in ``connection``), the profile's, or AWS's own."""
    configured = connection.endpoint or _configured_endpoint(session, "kinesis")
    if configured:
        return configured.rstrip("/")
    resolved = session.get_component("endpoint_resolver").construct_endpoint("kinesis", region)
    if resolved is None:
        raise OptionError(f"region {region!r} is none of AWS's: set the option endpoint")
    return f"https://{resolved['hostname']}"


def _assumed(session: Session, region: str, own: Credentials, connection: Connection) -> Credentials:
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    address = connection.sts_endpoint or _configured_endpoint(session, "sts")
    create: Callable[..., Any] = partial(session.create_client, region_name=region, endpoint_url=address)
    extra = {"RoleSessionName": connection.role_session_name}
    if connection.role_external_id:
        extra["ExternalId"] = connection.role_external_id
    fetcher = AssumeRoleCredentialFetcher(create, own, connection.role_arn or "", extra_args=extra)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _configured_endpoint(session: Session, service: str) -> str | None:
    from botocore.configprovider import ConfiguredEndpointProvider
    from botocore.utils import ensure_boolean

    if ensure_boolean(session.get_config_variable("ignore_configured_endpoint_urls") or False):
        return None
    provider = ConfiguredEndpointProvider(session.full_config, session.get_scoped_config(), service)
    url: str | None = provider.provide()
    return url
