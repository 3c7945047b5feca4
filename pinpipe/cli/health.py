"""The commands for when something is wrong: what is in the way, the logs, an archive for a report."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from pinpipe import logs as log_files
from pinpipe import settings
from pinpipe.cli.output import complain, progress, say
from pinpipe.errors import PinpipeError
from pinpipe.stack import PARTS, Stack
from pinpipe.stack.parts import BY_NAME


def doctor() -> None:
    """Look for what would go wrong before anything starts, with the fix of each."""
    from pinpipe.doctor import facts, look_over

    for name, value in facts().items():
        say(f"{name:<16} {value}")
    findings = look_over()
    for finding in findings:
        complain(str(finding))
    if findings:
        raise typer.Exit(1)
    say("nothing is in the way")


def diagnose(
    file: Annotated[
        Path | None, typer.Argument(help="The archive to write; pinpipe-<time>.tar.gz here, when left out.")
    ] = None,
) -> None:
    """Write one archive of logs, versions, settings and status for a report, with the secrets out."""
    from pinpipe import diagnosis

    in_force = settings.load()
    target = file or Path(f"pinpipe-{datetime.now():%Y%m%d-%H%M%S}.tar.gz")
    try:
        with progress("collecting"):
            names = diagnosis.write(in_force, os.environ, target)
    except OSError as error:
        raise PinpipeError(f"{target} can't be written ({error.strerror}): name another file") from None
    say(f"{target}: {len(names)} files, the secrets taken out; have a look before you send it")


def logs(
    part: Annotated[str | None, typer.Argument(help="Whose log; of all parts when left out.")] = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as it grows.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=0, help="How many lines of its end.")] = 50,
) -> None:
    """Show the end of a part's log, or of all parts', rotated files included."""
    if part is not None and part not in (*BY_NAME, "supervisord"):
        raise typer.BadParameter(f"there is no part {part!r}; there are {', '.join(BY_NAME)}, supervisord")
    stack = Stack(settings.load())
    names = [part] if part else [*(one.name for one in PARTS), "supervisord"]
    there = {name: stack.log(name) for name in names if log_files.generations(stack.log(name))}
    if not there:
        raise PinpipeError(f"{part or 'the stack'} has no log yet at {stack.log(part or '*')}: run 'pinpipe up'")
    ends = {}
    for name, file in there.items():
        last, ends[file] = log_files.tail(file, lines)
        for line in last:
            say(_told(part, name, line))
    if follow:
        files = {file: name for name, file in there.items()}
        for file, line in log_files.follow(ends, lambda: time.sleep(0.3)):
            say(_told(part, files[file], line))


def _told(part: str | None, name: str, line: str) -> str:
    return line if part else f"{name:<21} | {line}"


COMMANDS: tuple[Callable[..., None], ...] = (doctor, diagnose, logs)
