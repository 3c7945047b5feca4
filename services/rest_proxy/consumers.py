"""All consumer instances: found by group and name, one question at a time each, closed when nobody asks any more."""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from services.rest_proxy.consumer import ConsumerInstance, Options
from services.rest_proxy.errors import BrokerUnavailable, ConsumerExists, ConsumerNotFound, TooManyConsumers
from services.rest_proxy.media import Format
from services.rest_proxy.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")
Key = tuple[str, str]


class _Entry:
    """An instance, its queue of one, and when it was last asked anything."""

    def __init__(self, instance: ConsumerInstance) -> None:
        self.instance = instance
        self.turn = asyncio.Lock()
        self.waiting = 0
        self.last_used = time.monotonic()


class Consumers:
    """The registry; made inside a running event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._idle = settings.consumer_idle_timeout
        self._max = settings.max_consumers
        self._entries: dict[Key, _Entry | None] = {}
        self._closing: set[asyncio.Task[None]] = set()
        # one thread each, so that none waits for another's wait
        self._threads = ThreadPoolExecutor(max(self._max, 1), thread_name_prefix="consumer")
        self._loop = asyncio.get_running_loop()
        self._period = min(self._idle / 4, 1.0)
        self._timer = self._loop.call_later(self._period, self._expire)

    def __len__(self) -> int:
        return len(self._entries)

    async def create(self, options: Options) -> None:
        """Make an instance.

        :raises ConsumerExists: when the group has one of this name
        :raises TooManyConsumers: when the bound is reached
        :raises InvalidConsumer: when Kafka's client does not take the options
        """
        key = (options.group, options.name)
        if key in self._entries:
            raise ConsumerExists
        if len(self._entries) + len(self._closing) >= self._max:
            raise TooManyConsumers(f"this proxy keeps {self._max} consumer instances; delete one first")
        self._entries[key] = None  # the name is taken from here on
        try:
            instance = await self._in_thread(lambda: ConsumerInstance(options, self._settings))
            self._entries[key] = _Entry(instance)
        except BaseException:
            del self._entries[key]
            raise

    async def ask(self, group: str, name: str, question: Callable[[ConsumerInstance], T], limit: float) -> T:
        """Ask an instance in its turn; the answer is there within ``limit`` s.

        :raises ConsumerNotFound: when there is none of this name
        :raises BrokerUnavailable: when it takes longer; the instance goes on with it, and the next waits its turn
        """
        entry = self._entry(group, name)
        task = asyncio.ensure_future(self._take_turn(entry, question))
        try:
            return await asyncio.wait_for(asyncio.shield(task), limit)
        except TimeoutError:
            task.add_done_callback(_look_at)
            raise BrokerUnavailable(f"no answer within {limit:g} s") from None

    def format(self, group: str, name: str) -> Format:
        """The format an instance was made with.

        :raises ConsumerNotFound: when there is none of this name
        """
        return self._entry(group, name).instance.options.format

    async def delete(self, group: str, name: str) -> None:
        """Close an instance; if its goodbye takes long, it goes on behind the answer.

        :raises ConsumerNotFound: when there is none of this name
        """
        self._entry(group, name)
        await asyncio.wait([self._drop((group, name))], timeout=self._settings.metadata_timeout)

    def interrupt(self) -> None:
        """End every read that waits; what it has by then is its answer."""
        for entry in self._entries.values():
            if entry is not None:
                entry.instance.stop()

    async def close(self, timeout: float) -> bool:
        """Close all; whether that was done within ``timeout`` s."""
        self._timer.cancel()
        for key, entry in list(self._entries.items()):
            if entry is not None:
                self._drop(key)
        done = True
        if self._closing:
            _, late = await asyncio.wait(self._closing, timeout=timeout)
            done = not late
        self._threads.shutdown(wait=False, cancel_futures=True)
        return done

    def _entry(self, group: str, name: str) -> _Entry:
        entry = self._entries.get((group, name))
        if entry is None:
            raise ConsumerNotFound
        return entry

    async def _take_turn(self, entry: _Entry, question: Callable[[ConsumerInstance], T]) -> T:
        entry.waiting += 1
        try:
            async with entry.turn:
                return await self._in_thread(lambda: question(entry.instance))
        finally:
            entry.waiting -= 1
            entry.last_used = time.monotonic()

    def _drop(self, key: Key) -> "asyncio.Task[None]":
        entry = self._entries.pop(key)
        assert entry is not None
        task = asyncio.ensure_future(self._close(entry))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    async def _close(self, entry: _Entry) -> None:
        entry.instance.stop()
        async with entry.turn:
            try:
                await self._in_thread(entry.instance.close)
            except Exception:
                log.exception("closing consumer %s", entry.instance.options.name)

    def _expire(self) -> None:
        now = time.monotonic()
        for key, entry in list(self._entries.items()):
            if entry is not None and not entry.waiting and now - entry.last_used >= self._idle:
                log.info("consumer %s of group %s was idle for %g s: closed", key[1], key[0], self._idle)
                self._drop(key)
        self._timer = self._loop.call_later(self._period, self._expire)

    async def _in_thread(self, function: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, function)


def _look_at(task: "asyncio.Task[T]") -> None:
    if not task.cancelled():
        task.exception()
