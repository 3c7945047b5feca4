"""AWS access as one frozen value with a projection for each consumer.

Nothing else in the tree asks whether the target is LocalStack: a consumer takes its projection and is done.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pinpipe.errors import NotProvisioned

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from botocore.credentials import Credentials
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_s3 import S3Client
    from pydantic import SecretStr

    from pinpipe.settings import Settings


@dataclass(frozen=True)
class AwsAccess:
    """Where AWS is and who we are there. ``endpoint`` is None for AWS itself; keys are None for a role."""

    region: str
    endpoint: str | None
    access_key_id: str | None
    secret_access_key: str | None = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> AwsAccess:
        def reveal(secret: SecretStr | None) -> str | None:
            return None if secret is None else secret.get_secret_value()

        return cls(
            region=settings.aws_region,
            endpoint=settings.aws_endpoint_url,
            access_key_id=settings.aws_access_key_id,
            secret_access_key=reveal(settings.aws_secret_access_key),
            session_token=reveal(settings.aws_session_token),
        )

    @cached_property
    def _session(self) -> boto3.Session:
        import boto3

        return boto3.Session(
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            aws_session_token=self.session_token,
            region_name=self.region,
        )

    @staticmethod
    def _config(**settings: Any) -> Config:
        from botocore.config import Config

        # the endpoint is ours to say: a profile's endpoint_url would lead some of the clients elsewhere
        return Config(ignore_configured_endpoint_urls=True, **settings)  # type: ignore[call-arg]  # the stubs lack it

    def s3(self) -> S3Client:
        # LocalStack resolves a bucket by path; AWS takes either. Three attempts: a dead endpoint is told quickly.
        config = self._config(
            s3={"addressing_style": "path" if self.endpoint else "auto"},
            retries={"mode": "standard", "total_max_attempts": 3},
            connect_timeout=5,
        )
        return self._session.client("s3", endpoint_url=self.endpoint, config=config)

    def cloudformation(self) -> CloudFormationClient:
        return self._session.client("cloudformation", endpoint_url=self.endpoint, config=self._config())

    def kinesis(self) -> KinesisClient:
        return self._session.client("kinesis", endpoint_url=self.endpoint, config=self._config())

    def addresses(self) -> dict[str, str]:
        """Service to the address that its client would call. Nothing is asked, no credentials are looked for."""
        nobody = replace(self, access_key_id="-", secret_access_key="-", session_token=None)
        clients = {"s3": nobody.s3(), "kinesis": nobody.kinesis(), "cloudformation": nobody.cloudformation()}
        return {name: client.meta.endpoint_url for name, client in clients.items()}

    def credentials(self) -> Credentials | None:
        """What signs requests: the keys, or those of the profile or the role that is found; None if there is none."""
        return self._session.get_credentials()

    def s3a(self) -> dict[str, str]:
        """Hadoop's S3A settings, as Spark configuration."""
        # AWS's own address is named, too: Java's SDK would take a profile's endpoint_url otherwise
        conf = {
            "spark.hadoop.fs.s3a.endpoint.region": self.region,
            "spark.hadoop.fs.s3a.endpoint": self.endpoint or self.addresses()["s3"],
        }
        if self.endpoint:
            conf |= {
                "spark.hadoop.fs.s3a.path.style.access": "true",
                "spark.hadoop.fs.s3a.connection.ssl.enabled": str(self.endpoint.startswith("https")).lower(),
            }
        if self.access_key_id and self.secret_access_key:
            provider = "SimpleAWSCredentialsProvider"
            conf |= {
                "spark.hadoop.fs.s3a.access.key": self.access_key_id,
                "spark.hadoop.fs.s3a.secret.key": self.secret_access_key,
            }
            if self.session_token:
                provider = "TemporaryAWSCredentialsProvider"
                conf["spark.hadoop.fs.s3a.session.token"] = self.session_token
            conf["spark.hadoop.fs.s3a.aws.credentials.provider"] = f"org.apache.hadoop.fs.s3a.{provider}"
        return conf

    def sink(self) -> dict[str, str]:
        """The S3 sink connector's properties. Keys stay names: the worker resolves them from its environment,
        so that no secret is stored in Kafka's config topic."""
        conf = {"s3.region": self.region}
        if self.endpoint:
            conf |= {"store.url": self.endpoint, "s3.path.style.access.enabled": "true"}
        if self.access_key_id and self.secret_access_key and not self.session_token:
            conf |= {
                "aws.access.key.id": "${env:AWS_ACCESS_KEY_ID}",
                "aws.secret.access.key": "${env:AWS_SECRET_ACCESS_KEY}",
            }
        return conf

    def kinesis_source(self) -> dict[str, str]:
        """Options of ``format("kinesis")``; without keys it finds the role's by itself."""
        options = {
            "region": self.region,
            "endpoint": self.endpoint or self.addresses()["kinesis"],
            "awsAccessKey": self.access_key_id,
            "awsSecretKey": self.secret_access_key,
            "awsSessionToken": self.session_token,
        }
        return {name: value for name, value in options.items() if value}

    def delta_rs(self) -> dict[str, str]:
        """Storage options of the ``deltalake`` package."""
        options = {"AWS_REGION": self.region}
        if self.endpoint:
            options |= {"AWS_ENDPOINT_URL": self.endpoint}
            if self.endpoint.startswith("http://"):
                options["AWS_ALLOW_HTTP"] = "true"
        for name, value in (
            ("AWS_ACCESS_KEY_ID", self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key),
            ("AWS_SESSION_TOKEN", self.session_token),
        ):
            if value:
                options[name] = value
        return options


def api_stack(settings: Settings) -> str:
    """The name of the CloudFormation stack that holds the API."""
    return f"{settings.pin_user_id}-pinpipe-api"


def storage_stack(settings: Settings) -> str:
    """The name of the CloudFormation stack that holds the bucket, the streams and their role."""
    return f"{settings.pin_user_id}-pinpipe-storage"


def find_stack(access: AwsAccess, name: str) -> StackTypeDef | None:
    """A CloudFormation stack as it is described; None when there is no such stack."""
    from botocore.exceptions import ClientError

    try:
        return access.cloudformation().describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # "does not exist"
            return None
        raise


def stack_outputs(access: AwsAccess, name: str) -> dict[str, str]:
    """The outputs of a CloudFormation stack; empty when there is no such stack."""
    stack = find_stack(access, name)
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])} if stack else {}


def invoke_url(settings: Settings) -> str:
    """The base address of the API's stage: what a client appends ``/topics/<topic>`` to."""
    access = AwsAccess.of(settings)
    outputs = stack_outputs(access, api_stack(settings))
    if "ApiId" not in outputs:
        raise NotProvisioned(f"the API {settings.pin_user_id}-api is not there: run 'pinpipe up'")
    if access.endpoint:
        return f"{access.endpoint.rstrip('/')}/_aws/execute-api/{outputs['ApiId']}/dev"
    return outputs["InvokeUrl"]
