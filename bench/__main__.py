"""All measurements, one after the other: ``python -m bench [--only PART ...] [--quick]``.

Each is a command of its own (``python -m bench.PART``). Their figures are kept; at the end ``bench/results.md`` is
written from all that are kept, so that a part can be measured again alone. ``--quick`` keeps and writes nothing.
"""

from __future__ import annotations

import argparse
import importlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import psutil
from tenacity import Retrying, retry_if_result, stop_after_delay

from bench.write import PARTS
from bench.write import main as write
from pinpipe.settings import ROOT
from tests.support.pipeline import Pipeline, write_env_file

RUNNING = ("stream_latency", "airflow", "status")
"""Parts that look at a stack that runs and has had its demo."""
QUICK = ("rest_proxy", "emulator", "s3_sink", "batch")
QUIET = 30
"""Percent of all cores that a part may find taken when it begins: a stack with nothing to do takes half of that."""


@contextmanager
def running_stack() -> Iterator[Mapping[str, str]]:
    """The environment of the tests' stack, after a demo; removed at the end."""
    write_env_file()
    pipeline = Pipeline("demo")
    try:
        pipeline.run("demo", "--posts", "1500", seconds=900)
        yield pipeline.environment
    finally:
        pipeline.run("clean", "--yes")


def wait_until_quiet() -> None:
    """Let what ran before come to its end, which would be measured otherwise; for two minutes at most."""
    busy = retry_if_result(lambda percent: percent > QUIET)
    Retrying(retry=busy, stop=stop_after_delay(120), retry_error_callback=lambda _: None)(psutil.cpu_percent, 5)


def run(part: str, options: Sequence[str], environment: Mapping[str, str] | None = None) -> bool:
    """Run a part; whether it succeeded. One that has no targets prints its figures and keeps none."""
    if not hasattr(importlib.import_module(f"bench.{part}"), "TARGETS"):
        options = [option for option in options if option != "--record"]
    wait_until_quiet()
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-m", f"bench.{part}", *options], cwd=ROOT, env=environment, check=False)
    ended = "" if done.returncode == 0 else f", ended with {done.returncode}"
    print(f"{part}: {time.monotonic() - begin:.0f} s{ended}", flush=True)
    return done.returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts; all when left out")
    parser.add_argument("--quick", action="store_true", help="small, and nothing is kept")
    given = parser.parse_args()
    chosen = given.only or (QUICK if given.quick else PARTS)
    options = ["--quick"] if given.quick else ["--record"]
    failed = [part for part in chosen if part not in RUNNING and not run(part, options)]
    if any(part in RUNNING for part in chosen):
        with running_stack() as environment:
            failed += [part for part in chosen if part in RUNNING and not run(part, options, environment)]
    if not given.quick:
        write()
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
