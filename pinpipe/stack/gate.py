"""``python -m pinpipe.stack.gate PART… -- COMMAND…``: wait until the parts answer, then become the command.

supervisord has no readiness of its own. The command replaces this process, so that the pid stays supervisord's;
when a part does not answer in time the gate ends with 69 and supervisord tries again.
"""

from __future__ import annotations

import os
import sys

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

from pinpipe import settings
from pinpipe.stack.probes import PROBES

UNAVAILABLE = 69  # sysexits.h: EX_UNAVAILABLE


def main(arguments: list[str]) -> None:
    """Wait for the parts named before ``--``, then exec what comes after it."""
    split = arguments.index("--")
    names, command = arguments[:split], arguments[split + 1 :]
    in_force = settings.load()
    for name in names:
        wait = Retrying(stop=stop_after_delay(120), wait=wait_fixed(0.2), retry=retry_if_result(lambda up: not up))
        try:
            wait(PROBES[name], in_force)
        except RetryError:
            print(f"gate: {name} did not answer within 120 s", file=sys.stderr, flush=True)
            os._exit(UNAVAILABLE)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
