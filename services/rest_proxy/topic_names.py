"""Which names Kafka takes for a topic, and which of them a subscription's pattern means."""

import re

from services.rest_proxy.errors import Unprocessable

_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_MAX_PATTERN = 249
_PATTERN = re.compile(r"(?:[a-zA-Z0-9._*+?|()$^\-]|\[\^?[a-zA-Z0-9._\-]+\]|\\[dw.\-])+")
_CLASSES = {r"\d": "[0-9]", r"\w": "[a-zA-Z0-9_]", r"\-": "-"}


def is_valid(name: str) -> bool:
    """Whether Kafka takes this name for a topic."""
    return _NAME.fullmatch(name) is not None and name not in (".", "..")


def subscription_pattern(pattern: str) -> str:
    r"""A ``topic_pattern`` as librdkafka takes it: a POSIX expression that begins with ``^``.

    Confluent's proxy takes Java's expressions and matches whole names. Here the common part of both languages is
    taken: letters, digits, ``. _ -``, ``* + ? | ( ) ^ $``, ``[...]``, ``\d``, ``\w`` and ``\.``. Counted repeats
    and back references are refused: both can be made to use all memory or time.

    :raises Unprocessable: when the pattern is empty, too long, or has anything else in it
    """
    if not pattern or len(pattern) > _MAX_PATTERN or not _PATTERN.fullmatch(pattern):
        raise Unprocessable(
            f"topic_pattern must have 1 to {_MAX_PATTERN} of: letters, digits, . _ - * + ? | ( ) ^ $ [...] \\d \\w"
        )
    try:
        re.compile(pattern)
    except re.error as error:
        raise Unprocessable(f"topic_pattern: {error}") from None
    posix = re.sub(r"\\[dw\-]", lambda match: _CLASSES[match[0]], pattern)
    return f"^({posix})$"
