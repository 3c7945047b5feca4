"""Errors of the Spark jobs, one line each.

::

    JobError
    ├── LeaseHeld            another run writes the same table
    ├── LeaseLost            another run took this one's lease over
    ├── QueryFailed          a streaming query ended with an error
    ├── SessionLeft          the Spark server does not end what a dead run began
    ├── TableFailed          a Delta table could not be read or written beside Spark
    └── ConservationBroken   rows read and rows kept do not add up
"""

from __future__ import annotations

from pinpipe.errors import PinpipeError


class JobError(PinpipeError):
    """The base of the jobs' errors."""


class LeaseHeld(JobError):
    """Another run writes the same table."""


class LeaseLost(JobError):
    """Another run took this one's lease over."""


class QueryFailed(JobError):
    """A streaming query ended with an error."""


class SessionLeft(JobError):
    """The Spark server does not end what a dead run began."""


class TableFailed(JobError):
    """A Delta table could not be read or written beside Spark."""


class ConservationBroken(JobError):
    """Rows read and rows kept do not add up."""
