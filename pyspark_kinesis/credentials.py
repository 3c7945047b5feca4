"""Who we are and where Kinesis is, as botocore finds it; no boto3 client is made, which would cost a start its time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from pyspark_kinesis.errors import CredentialsError, OptionError
from pyspark_kinesis.options import Connection

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session


def session(connection: Connection) -> Session:
    """A botocore session of these settings; whatever they leave out comes from the environment, profile or machine."""
    import botocore.session

    found = botocore.session.Session()
    if connection.access_key and connection.secret_key:
        found.set_credentials(connection.access_key, connection.secret_key, connection.session_token)
    if connection.region:
        found.set_config_variable("region", connection.region)
    return found


def region(found: Session) -> str:
    """The region of the settings, the environment or the profile. ``OptionError`` when none says it."""
    name = found.get_config_variable("region")
    if not name:
        raise OptionError("no region: set the option region, or AWS_REGION")
    return str(name)


def endpoint(found: Session, connection: Connection) -> str:
    """The address to talk to: the option, AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, the profile's, or AWS's own."""
    configured = connection.endpoint or _configured_endpoint(found, "kinesis")
    if configured:
        return configured.rstrip("/")
    resolved = found.get_component("endpoint_resolver").construct_endpoint("kinesis", region(found))
    if resolved is None:
        raise OptionError(f"region {region(found)!r} is none of AWS's: set the option endpoint")
    return f"https://{resolved['hostname']}"


def credentials(found: Session, connection: Connection) -> Credentials:
    """The credentials to sign with. They refresh themselves where they can: assumed roles and machine roles do."""
    own = found.get_credentials()
    if own is None:
        raise CredentialsError("no AWS credentials: set awsAccessKey and awsSecretKey, or AWS_ACCESS_KEY_ID and so on")
    return _assumed(found, own, connection) if connection.role_arn else own


def _assumed(found: Session, own: Credentials, connection: Connection) -> Credentials:
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    address = connection.sts_endpoint or _configured_endpoint(found, "sts")
    create: Callable[..., Any] = partial(found.create_client, region_name=region(found), endpoint_url=address)
    extra = {"RoleSessionName": connection.role_session_name}
    if connection.role_external_id:
        extra["ExternalId"] = connection.role_external_id
    fetcher = AssumeRoleCredentialFetcher(create, own, connection.role_arn or "", extra_args=extra)
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _configured_endpoint(found: Session, service: str) -> str | None:
    from botocore.configprovider import ConfiguredEndpointProvider
    from botocore.utils import ensure_boolean

    if ensure_boolean(found.get_config_variable("ignore_configured_endpoint_urls") or False):
        return None
    provider = ConfiguredEndpointProvider(found.full_config, found.get_scoped_config(), service)
    url: str | None = provider.provide()
    return url
