"""``python -m services.rest_proxy``: start, serve, and stop on SIGTERM or SIGINT once everything is delivered."""

import asyncio
import logging
import os
import signal
import sys
import time

import uvloop
from aiohttp import web

from services.rest_proxy.app import Proxy
from services.rest_proxy.errors import SettingsError
from services.rest_proxy.settings import Settings, load

log = logging.getLogger("services.rest_proxy")

_LINGERING_SECONDS = 2.0
"""How long the rest of a body that was refused is read, so that its sender gets to see the answer."""
_REQUESTS_SHARE = 0.75
_BACKLOG = 1024


async def serve(settings: Settings) -> int:
    """Serve until told to stop; the exit code says whether everything that was accepted was delivered."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    failures: list[str] = []

    def fatal(reason: str) -> None:
        failures.append(reason)
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    proxy = Proxy(settings, sys.stdout, fatal)
    runner = web.AppRunner(
        proxy.application(),
        # what aiohttp has to say is about malformed requests, and the access log has them
        logger=_silent(),
        access_log_class=proxy.access_log.logger_class(),
        keepalive_timeout=settings.idle_timeout,
        lingering_time=_LINGERING_SECONDS,
        auto_decompress=False,
        # the rest of the time is for the records themselves
        shutdown_timeout=settings.shutdown_timeout * _REQUESTS_SHARE,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port, backlog=_BACKLOG).start()
    except OSError as error:
        log.error("cannot listen on %s:%d: %s", settings.host, settings.port, error.strerror or error)
        await proxy.close(0)
        return 1
    log.info("listening on http://%s:%d, Kafka at %s", settings.host, settings.port, settings.bootstrap_servers)
    await stop.wait()

    deadline = time.monotonic() + settings.shutdown_timeout
    log.info("stopping: %s", failures[0] if failures else "told to")
    await runner.cleanup()
    unacknowledged = await proxy.close(max(deadline - time.monotonic(), 0.5))
    if unacknowledged:
        log.error("stopped with %d records unacknowledged", unacknowledged)
    return 1 if failures or unacknowledged else 0


def _silent() -> logging.Logger:
    logger = logging.getLogger("aiohttp.server")
    logger.setLevel(logging.CRITICAL)
    return logger


def main() -> int:
    """Read the settings and serve; returns the exit code."""
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        settings = load()
    except SettingsError as error:
        for line in error.lines:
            print(line, file=sys.stderr)
        return 2
    return uvloop.run(serve(settings))


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    # not sys.exit: it would wait for threads in which Kafka's client says goodbye to a broker that is not there
    os._exit(code)
