"""Signs requests to the API, so that API Gateway knows who calls (``AWS_IAM``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from requests import PreparedRequest
from requests.auth import AuthBase

from pinpipe.aws import AwsAccess
from pinpipe.errors import PinpipeError

if TYPE_CHECKING:
    from botocore.credentials import Credentials

    from pinpipe.settings import Settings


class SigV4(AuthBase):
    """Signs what is sent with ``requests``; a role's credentials are fresh at each request."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        # only what no one on the way changes is signed: host, date, content type, the body's hash
        headers = {"Content-Type": request.headers["Content-Type"]}
        signed = AWSRequest(request.method, request.url, headers, request.body)
        SigV4Auth(self._credentials.get_frozen_credentials(), "execute-api", self._region).add_auth(signed)
        request.headers.update(signed.headers.items())
        return request


def api_signer(settings: Settings) -> SigV4 | None:
    """What signs requests to the API; None where they go unsigned."""
    if not settings.api_signed:
        return None
    credentials = AwsAccess.of(settings).credentials()
    if credentials is None:
        raise PinpipeError("no AWS credentials to sign with: set AWS_ACCESS_KEY_ID and so on, or a profile or role")
    return SigV4(credentials, settings.aws_region)
