"""What can go wrong on the way out of the database, told in one line each.

::

    ProducerError
    ├── FolderError     a person's own copy that can't be read (file, line, column)
    ├── DatabaseError   MySQL does not answer, or does not hold what is asked for
    ├── OrderError      an order of posts that would never find a row
    ├── SendFailed      a target that did not take records (producer.senders)
    └── PostingFailed   a run of the emulator that ended early, with its report (producer.emulator)
"""

from __future__ import annotations

from pinpipe.errors import PinpipeError


class ProducerError(PinpipeError):
    """The base of all errors of the producer."""


class FolderError(ProducerError):
    """A folder with a person's own copy of the tables can't be read."""


class DatabaseError(ProducerError):
    """MySQL does not answer, or the schema is not there."""


class OrderError(ProducerError):
    """An order of posts that would never find a row."""
