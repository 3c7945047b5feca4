"""The command line. It calls and prints; the rules are in the rooms below."""

from pinpipe.cli.main import app, main

__all__ = ["app", "main"]
