"""The command line. It calls and prints; the rules are in the rooms below."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.command()
def up() -> None:
    from pinpipe import provision, settings
    from pinpipe.stack import PARTS, Stack

    s = settings.load()
    Stack(s).start(
        [p.name for p in PARTS if p.name in __import__("os").environ.get("ONLY", ",".join(x.name for x in PARTS))],
        lambda n: print("up", n),
    )
    provision.provision(s, print)


@app.command()
def down() -> None:
    from pinpipe import settings
    from pinpipe.stack import Stack

    Stack(settings.load()).stop()


def main() -> None:
    app()
