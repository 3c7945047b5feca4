"""Unsecured JSON web tokens, which a broker of the tests takes for OAUTHBEARER as MSK takes AWS's."""

from __future__ import annotations

import base64
import json
import time


def token(good_for: float, who: str = "ada") -> tuple[str, float]:
    """A token, and when it expires in seconds since the epoch."""
    now = time.time()

    def part(value: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    claims = {"sub": who, "iat": now - 60, "exp": now + good_for}
    return f"{part({'alg': 'none'})}.{part(claims)}.", now + good_for
