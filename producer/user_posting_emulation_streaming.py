"""The course's second entry point: posts for ever, in the course's order and at its pace, into the Kinesis streams.

Run it with ``python producer/user_posting_emulation_streaming.py``; Ctrl-C ends it. ``pinpipe post --to kinesis`` does
the same with options.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Post to Kinesis until stopped; see :func:`producer.user_posting_emulation.run`."""
    if str(ROOT) not in sys.path:  # run as a script, Python knows only the script's own folder
        sys.path.insert(0, str(ROOT))
    from producer.kinesis_sender import kinesis_senders
    from producer.user_posting_emulation import run

    return run(kinesis_senders)


if __name__ == "__main__":
    sys.exit(main())
