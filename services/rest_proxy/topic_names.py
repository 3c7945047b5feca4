"""Which names Kafka takes for a topic, and which of them a subscription's pattern means."""

import re

from services.rest_proxy.errors import Unprocessable

_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")

MAX_PATTERN = 249
_ATOM = r"(?:[a-zA-Z0-9_.-]|\\[dw.-]|\[\^?(?:a-z|A-Z|0-9|[a-zA-Z0-9_.])+\])[*+?]?"
_BRANCHES = rf"(?:{_ATOM})+(?:\|(?:{_ATOM})+)*"
_TERM = rf"(?:{_ATOM}|\({_BRANCHES}\)[*+?]?)"
PATTERN = rf"^\^?{_TERM}+(?:\|{_TERM}+)*\$?$"
"""Every pattern that is taken, and no other."""

_pattern = re.compile(PATTERN)
_CLASSES = {r"\d": "[0-9]", r"\w": "[a-zA-Z0-9_]", r"\-": "-"}


def is_valid(name: str) -> bool:
    """Whether Kafka takes this name for a topic."""
    return _NAME.fullmatch(name) is not None and name not in (".", "..")


def subscription_pattern(pattern: str) -> str:
    r"""A ``topic_pattern`` as librdkafka takes it: a POSIX expression that begins with ``^``.

    Confluent's proxy takes Java's expressions and matches whole names. Here the part is taken that means the same in
    both languages and that topics' names need: letters, digits, ``. _ -``, sets such as ``[0-9_]``, ``\d``, ``\w``,
    ``* + ?``, ``|`` and groups that are not nested. Counted repeats and back references are refused: both can be
    made to use all memory or time.

    :raises Unprocessable: when the pattern is empty, too long, or has anything else in it
    """
    if len(pattern) > MAX_PATTERN or not _pattern.fullmatch(pattern):
        raise Unprocessable(
            f"topic_pattern must have 1 to {MAX_PATTERN} characters: names, sets like [0-9], \\d, \\w, * + ? | and "
            "groups that are not nested"
        )
    posix = re.sub(r"\\[dw-]", lambda match: _CLASSES[match[0]], pattern)
    return f"^({posix.removeprefix('^').removesuffix('$')})$"
