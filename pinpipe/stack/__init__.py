"""The native stack: its parts, how each is probed, and how supervisord runs them."""

from pinpipe.stack.parts import PARTS, Part
from pinpipe.stack.probes import answers, require
from pinpipe.stack.supervise import Stack

__all__ = ["PARTS", "Part", "Stack", "answers", "require"]
