"""Requests to the API are signed where the settings say so, as AWS's own description of SigV4 has it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests
from botocore.credentials import Credentials

from pinpipe.signing import SigV4, api_signer
from producer.rest_sender import RestSender
from producer.senders import Record
from tests.support.sigv4 import signature
from tests.support.targets import LOCAL, ON_AWS, REAL, made, without_settings

pytestmark = pytest.mark.unit

KEY, SECRET = REAL.values()
URL = "https://abc123.execute-api.eu-west-1.amazonaws.com/dev/topics/ada.pin"
JSON = "application/vnd.kafka.json.v2+json"
BODY = '{"records":[{"key":1,"value":{"title":"é"}}]}'.encode()


def expected(host: str, path: str, body: bytes, date: str, *, token: str | None = None, content: str) -> str:
    """The Authorization header of a POST to the API."""
    headers = {"content-type": content, "host": host, "x-amz-date": date}
    if token:
        headers["x-amz-security-token"] = token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"POST\n{path}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    signed = signature(SECRET, date, "eu-west-1", "execute-api", canonical)
    scope = f"{date[:8]}/eu-west-1/execute-api/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={KEY}/{scope}, SignedHeaders={names}, Signature={signed}"


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdzE"])
def test_a_request_has_the_signature_that_aws_would_compute(token: str | None) -> None:
    signer = SigV4(Credentials(KEY, SECRET, token), "eu-west-1")  # type: ignore[no-untyped-call]
    headers = {"Content-Type": JSON, "Accept": "*/*"}
    sent = requests.Request("POST", URL, headers, data=BODY, auth=signer).prepare()
    host, path = "abc123.execute-api.eu-west-1.amazonaws.com", "/dev/topics/ada.pin"
    date = sent.headers["X-Amz-Date"]
    assert sent.headers["Authorization"] == expected(host, path, BODY, date, token=token, content=JSON)
    assert sent.headers.get("X-Amz-Security-Token") == token
    assert sent.body == BODY


def test_requests_are_signed_on_aws_unless_told_otherwise_and_locally_only_if_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    without_settings(monkeypatch)
    assert api_signer(made(**LOCAL)) is None
    assert api_signer(made(**ON_AWS, **REAL, api_auth="NONE")) is None
    assert isinstance(api_signer(made(**ON_AWS, **REAL)), SigV4)
    assert isinstance(api_signer(made(**LOCAL, api_auth="AWS_IAM")), SigV4)


class _Taker(BaseHTTPRequestHandler):
    """Takes one record and keeps what the request's headers were."""

    seen: list[dict[str, str]]

    def do_POST(self) -> None:
        self.seen.append({name.lower(): value for name, value in self.headers.items()})
        self.seen[-1]["body"] = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = b'{"offsets": [{"partition": 0, "offset": 0}]}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def taker() -> Iterator[HTTPServer]:
    _Taker.seen = []
    with HTTPServer(("127.0.0.1", 0), _Taker) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_emulator_signs_what_it_sends(taker: HTTPServer) -> None:
    signer = SigV4(Credentials(KEY, SECRET), "eu-west-1")  # type: ignore[no-untyped-call]
    host = f"127.0.0.1:{taker.server_port}"
    sender = RestSender(f"http://{host}/dev", "ada.pin", "pin", auth=signer)
    sent = sender.send([Record(1, {"index": 1, "title": "é"})])
    sender.close()
    assert (sent.acknowledged, sent.failed) == (1, 0)
    [request] = _Taker.seen
    body, date = request["body"].encode(), request["x-amz-date"]
    assert request["authorization"] == expected(host, "/dev/topics/ada.pin", body, date, content=JSON)
