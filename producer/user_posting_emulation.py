"""The course's entry point: posts for ever, in the course's order and at its pace, through API Gateway.

Run it with ``python producer/user_posting_emulation.py``; Ctrl-C ends it. ``pinpipe post`` does the same with options.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

    from producer.emulator import Report
    from producer.senders import Sender
    from producer.tables import Post


def main() -> int:
    """Post to Kafka until stopped; see :func:`run`."""
    if str(ROOT) not in sys.path:  # run as a script, Python knows only the script's own folder
        sys.path.insert(0, str(ROOT))
    from producer.rest_sender import rest_senders

    return run(rest_senders)


def run(senders_of: Callable[..., Sequence[Sender]]) -> int:
    """Post until stopped, with the senders that ``rest_senders`` or another of its kind makes.

    Prints each post's three rows, and at the end the counts. Returns the exit code.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    from pinpipe import aws, settings, signing
    from pinpipe.errors import PinpipeError
    from producer.database import Database
    from producer.emulator import Pace, PostingFailed, post
    from producer.order import course_order

    stop = Event()

    def ask_to_stop(number: int, frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)  # a second Ctrl-C does not wait for the request in flight

    signal.signal(signal.SIGINT, ask_to_stop)
    signal.signal(signal.SIGTERM, ask_to_stop)
    try:
        current = settings.load()
        senders = senders_of(aws.invoke_url(current), current.pin_user_id, stop=stop, auth=signing.api_signer(current))
        with Database(current.mysql_url.get_secret_value(), stop=stop) as database:
            order = course_order(keys=database.keys())
            report = post(database, senders, order, pace=Pace.COURSE, on_progress=_print_rows, stop=stop)
    except PostingFailed as error:
        _print_counts(error.report)
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"API Gateway can't be asked for its address: {error}", file=sys.stderr)
        return 1
    except PinpipeError as error:
        print(error, file=sys.stderr)
        return 1
    _print_counts(report)
    return 0


ROOT = Path(__file__).resolve().parent.parent


def _print_rows(posts: Sequence[Post], report: Report) -> None:
    from producer.tables import TABLES, as_record

    for one in posts:
        for table in TABLES:
            if (row := one.row(table)) is not None:
                print(as_record(row), flush=True)


def _print_counts(report: Report) -> None:
    totals = report.totals
    print(
        f"{report.posts:,} posts: {totals.sent:,} records sent, {totals.acknowledged:,} acknowledged,"
        f" {totals.failed:,} failed, {totals.uncertain:,} possibly repeated"
    )


if __name__ == "__main__":
    sys.exit(main())
