"""The address a caller can go on with, as far as its request tells how it came here."""

import re
from collections.abc import Mapping

_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~%-]+)+/?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


def caller_base(headers: Mapping[str, str], own: str) -> str:
    """Scheme, host and path prefix under which the caller reached the proxy, without a slash at the end.

    ``X-Forwarded-Proto``, ``-Port`` and ``-Prefix`` count only beside ``X-Forwarded-Host``: API Gateway sends the
    first two without it, and its scheme and port with our host would be an address of nobody.

    :param own: the proxy's own ``host:port``, for a request without a usable ``Host``
    """
    forwarded = _first(headers, "X-Forwarded-Host")
    if not _HOST.fullmatch(forwarded):
        host = headers.get("Host", "")
        return f"http://{host if _HOST.fullmatch(host) else own}"
    scheme = _first(headers, "X-Forwarded-Proto").lower()
    if scheme not in _DEFAULT_PORTS:
        scheme = "http"
    port = _first(headers, "X-Forwarded-Port")
    if re.fullmatch(r"[0-9]{1,5}", port) and port != _DEFAULT_PORTS[scheme] and not re.search(r":[0-9]+$", forwarded):
        forwarded = f"{forwarded}:{port}"
    prefix = _first(headers, "X-Forwarded-Prefix")
    return f"{scheme}://{forwarded}{prefix.rstrip('/') if _PREFIX.fullmatch(prefix) else ''}"


def _first(headers: Mapping[str, str], name: str) -> str:
    """The first element of a header that proxies append to: what the outermost one saw."""
    return headers.get(name, "").partition(",")[0].strip()
