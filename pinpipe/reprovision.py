"""``python -m pinpipe.reprovision``: make again what LocalStack held when it died, for each user it held something of.

localstack/run.sh starts it beside LocalStack, which forgets everything when it ends. It waits for the parts, makes
bucket, streams, API and connector again and lets the lake fill from the topics. After a stop on purpose nothing is
noted, and who starts the stack provisions.
"""

from __future__ import annotations

import os

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from pinpipe import settings
from pinpipe.provision import provision
from pinpipe.stack import Stack, require

SECONDS = 600.0
"""How long the parts may take to answer, and what was refused is tried again."""


def main() -> None:
    """Provision every noted user; what fails to the end is raised, and so in LocalStack's log."""
    for values in Stack(settings.load()).provisioned():
        os.environ.update(values)
        in_force = settings.load()
        for attempt in Retrying(
            stop=stop_after_delay(SECONDS), wait=wait_fixed(1), retry=retry_if_exception_type(Exception), reraise=True
        ):
            with attempt:
                require(in_force, "localstack", "kafka", "connect")
                for change in provision(in_force).changes:
                    print(f"reprovision: {in_force.pin_user_id}: {change}", flush=True)


if __name__ == "__main__":
    main()
