"""Errors a person is meant to read: one line that names the thing and says what to do.

::

    PinpipeError             anything the command line prints as one line, exit code 1
    ├── SettingsError        settings that can't be used; lists all of them, a line each
    ├── PartDown             a part of the stack does not answer
    ├── SetupMissing         set-up was not run, or something it needs is not on the machine
    └── NotProvisioned       the bucket, the API, a topic or the connector is not there yet
"""

from __future__ import annotations


def first_line(error: Exception) -> str:
    """What a client's error says, in short."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


class PinpipeError(Exception):
    """The base of all errors that are told in one line."""


class SettingsError(PinpipeError):
    """Settings that can't be used. The text has one line per setting."""


class PartDown(PinpipeError):
    """A part of the stack does not answer; names the part, its address and its log."""


class SetupMissing(PinpipeError):
    """Something that set-up makes, or that the machine must have, is missing."""


class NotProvisioned(PinpipeError):
    """A bucket, an API, a topic or a connector that ``pinpipe up`` makes is not there."""
