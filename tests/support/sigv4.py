"""AWS's signature, version 4, computed step by step from AWS's description of it."""

from __future__ import annotations

import hashlib
import hmac

EMPTY = hashlib.sha256(b"").hexdigest()


def signature(secret: str, date: str, region: str, service: str, canonical: str) -> str:
    """The signature of a canonical request; ``date`` is like ``20261121T170000Z``."""
    scope = f"{date[:8]}/{region}/{service}/aws4_request"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
