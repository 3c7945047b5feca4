"""The posts' home: the schema ``pinterest_data`` in MySQL, written by ``pinpipe seed``, read by the emulator.

SQL is kept to what MySQL 8.0.15 and 8.4 both accept. ``index`` and ``timestamp`` are reserved words and always quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from types import TracebackType
from typing import Any, TypeVar, cast
from urllib.parse import unquote, urlsplit

import pymysql
from pymysql.connections import Connection
from pymysql.constants import CR, ER
from tenacity import (
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_delay,
    stop_when_event_set,
    wait_random_exponential,
)

from producer.errors import DatabaseError
from producer.tables import TABLES, Post, Row, Table, TableName, Tables, as_values

T = TypeVar("T")

_SQL_TYPES = {int: "INT", str: "TEXT", float: "FLOAT", datetime: "DATETIME"}
_INSERT_ROWS = 500
_SEED_LOCK = "pinpipe.seed"
_SEED_WAIT_SECONDS = 5  # MySQL first ends the statement of a client that died, then frees what it had locked
_LOST = {CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR, CR.CR_CONN_HOST_ERROR, CR.CR_CONNECTION_ERROR, 0}
_LOST_FOR_NOW = _LOST | {ER.SERVER_SHUTDOWN}


@dataclass(frozen=True)
class Address:
    """Where MySQL is and who we are there; ``str()`` shows no password."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    schema: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Read ``mysql://user:password@host:port/schema``; the port may be left out (3306).

        Raises :class:`~producer.errors.DatabaseError` for anything else.
        """
        problem = DatabaseError("MYSQL_URL is not of the form mysql://user:password@host:port/schema: correct it")
        try:
            parts = urlsplit(url)
            port = parts.port or 3306
        except ValueError:
            raise problem from None
        schema = parts.path.removeprefix("/")
        if parts.scheme != "mysql" or not parts.hostname or not parts.username or not schema or "/" in schema:
            raise problem
        return cls(parts.hostname, port, unquote(parts.username), unquote(parts.password or ""), unquote(schema))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class Database:
    """The three tables in MySQL. Use it as a context manager, from one thread at a time.

    A lost connection is made anew while reading, for up to ``patience`` seconds, so that an emulator survives a
    restart of MySQL; setting ``stop`` ends that wait. Every failure is a :class:`~producer.errors.DatabaseError`.
    """

    def __init__(self, url: str, patience: float = 60.0, stop: Event | None = None) -> None:
        self.address = Address.of(url)
        self._patience = patience
        self._stop = stop or Event()
        self._connection: Connection[Any] | None = None
        with self._told():
            self._connected()

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(pymysql.MySQLError):
                connection.close()

    def create_schema(self) -> None:
        """Make the three tables where they are not there yet."""
        with self._told():
            for table in TABLES.values():
                self._execute(create_table(table, table.mysql_name))

    def load(self, tables: Tables, on_progress: Callable[[int], None] | None = None) -> None:
        """Replace what is in the three tables, making them where needed.

        Rows go into shadow tables, then one ``RENAME TABLE`` swaps all three at once: whoever reads, and whatever
        dies in between, finds the old content or the new. ``on_progress`` is given the number of rows of each
        step. A second load at the same time is refused.
        """
        with self._told():
            if self._select("SELECT GET_LOCK(%s, %s)", (_SEED_LOCK, _SEED_WAIT_SECONDS)) != ((1,),):
                raise DatabaseError(f"MySQL at {self.address} is being seeded already: wait until that has ended")
            try:
                self.create_schema()
                self._fill_shadows(tables, on_progress or (lambda rows: None))
                self._swap()
            finally:
                with suppress(pymysql.MySQLError):  # the lock ends with the connection too
                    self._select("SELECT RELEASE_LOCK(%s)", (_SEED_LOCK,))

    def counts(self) -> dict[TableName, int]:
        """Rows in each of the three tables."""
        return {
            name: int(self._read(f"SELECT COUNT(*) FROM `{table.mysql_name}`")[0][0]) for name, table in TABLES.items()
        }

    def keys(self) -> list[int]:
        """The keys that any of the three tables has, ascending."""
        every = " UNION ".join(f"SELECT `{table.key}` FROM `{table.mysql_name}`" for table in TABLES.values())
        return sorted(int(key) for (key,) in self._read(every))

    def fetch_post(self, ind: int) -> Post | None:
        """One post; None when no table has it."""
        posts = self.fetch_posts([ind])
        return posts[0] if posts else None

    def fetch_posts(self, inds: Sequence[int]) -> list[Post]:
        """Posts in the order asked for, repeats included; those that no table has are left out."""
        if not inds:
            return []
        found = {name: self._fetch_rows(table, sorted(set(inds))) for name, table in TABLES.items()}
        posts = [
            Post(
                ind,
                cast(Any, found["pin"].get(ind)),
                cast(Any, found["geo"].get(ind)),
                cast(Any, found["user"].get(ind)),
            )
            for ind in inds
        ]
        return [post for post in posts if post.pin or post.geo or post.user]

    def read_posts(self, page: int = 500) -> Iterator[list[Post]]:
        """All posts in key order, ``page`` of them at a time."""
        keys = self.keys()
        for start in range(0, len(keys), page):
            yield self.fetch_posts(keys[start : start + page])

    def _fetch_rows(self, table: Table, keys: Sequence[int]) -> dict[int, Row]:
        names = ", ".join(f"`{name}`" for name in table.columns)
        marks = ", ".join(["%s"] * len(keys))
        rows = self._read(f"SELECT {names} FROM `{table.mysql_name}` WHERE `{table.key}` IN ({marks})", keys)
        place = list(table.columns).index(table.key)
        return {int(values[place]): table.row_type(*values) for values in rows}

    def _fill_shadows(self, tables: Tables, on_progress: Callable[[int], None]) -> None:
        for name, table in TABLES.items():
            shadow = _shadow(table)
            self._execute(f"DROP TABLE IF EXISTS `{shadow}`, `{_old(table)}`")
            self._execute(create_table(table, shadow))
            columns = ", ".join(f"`{column}`" for column in table.columns)
            marks = ", ".join(["%s"] * len(table.columns))
            insert = f"INSERT INTO `{shadow}` ({columns}) VALUES ({marks})"
            rows = tables.rows(name)
            connection = self._connected()
            connection.begin()  # one flush to disk per table, not per statement
            for start in range(0, len(rows), _INSERT_ROWS):
                values = [as_values(row) for row in rows[start : start + _INSERT_ROWS]]
                with connection.cursor() as cursor:
                    cursor.executemany(insert, values)
                on_progress(len(values))
            connection.commit()

    def _swap(self) -> None:
        steps = ", ".join(
            f"`{table.mysql_name}` TO `{_old(table)}`, `{_shadow(table)}` TO `{table.mysql_name}`"
            for table in TABLES.values()
        )
        self._execute(f"RENAME TABLE {steps}")
        for table in TABLES.values():
            self._execute(f"DROP TABLE IF EXISTS `{_old(table)}`")

    # the connection

    def _connected(self) -> Connection[Any]:
        if self._connection is None:
            self._connection = pymysql.connect(
                host=self.address.host,
                port=self.address.port,
                user=self.address.user,
                password=self.address.password,
                database=self.address.schema,
                charset="utf8mb4",
                connect_timeout=10,
                read_timeout=120,
                write_timeout=120,
                autocommit=True,
            )
        return self._connection

    def _execute(self, sql: str) -> None:
        with self._connected().cursor() as cursor:
            cursor.execute(sql)

    def _select(self, sql: str, values: Sequence[Any] = ()) -> tuple[tuple[Any, ...], ...]:
        with self._connected().cursor() as cursor:
            cursor.execute(sql, tuple(values))
            return tuple(cursor.fetchall())

    def _read(self, sql: str, values: Sequence[Any] = ()) -> tuple[tuple[Any, ...], ...]:
        def attempt() -> tuple[tuple[Any, ...], ...]:
            try:
                return self._select(sql, values)
            except pymysql.MySQLError as error:
                if _lost(error):
                    self.close()
                raise

        again = Retrying(
            retry=retry_if_exception(_lost),
            stop=stop_after_delay(self._patience) | stop_when_event_set(self._stop),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            sleep=sleep_using_event(self._stop),
            reraise=True,
        )
        with self._told():
            return again(attempt)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn MySQL's errors into one line that says what to do."""
        try:
            yield
        except (pymysql.MySQLError, OSError) as error:
            raise DatabaseError(_line(self.address, error)) from error


def create_table(table: Table, name: str) -> str:
    """The statement that makes a table: no column may be NULL; the primary key keeps a bare SELECT in key order."""
    columns = ", ".join(f"`{column}` {_SQL_TYPES[kind]} NOT NULL" for column, kind in table.columns.items())
    return (
        f"CREATE TABLE IF NOT EXISTS `{name}` ({columns}, PRIMARY KEY (`{table.key}`)) "
        "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"
    )


def _shadow(table: Table) -> str:
    return f"{table.mysql_name}__new"


def _old(table: Table) -> str:
    return f"{table.mysql_name}__old"


def _lost(error: BaseException) -> bool:
    """Whether the connection is gone, and not the statement wrong."""
    return isinstance(error, pymysql.MySQLError) and (error.args or (None,))[0] in _LOST_FOR_NOW


def _line(address: Address, error: Exception) -> str:
    code = error.args[0] if error.args else None
    text = " ".join(str(error.args[-1] if error.args else error).split())
    if code == ER.ACCESS_DENIED_ERROR:
        return f"MySQL at {address} refuses the user {address.user!r}: correct the user and password in MYSQL_URL"
    if code in (ER.BAD_DB_ERROR, ER.DBACCESS_DENIED_ERROR):
        return f"MySQL at {address} has no schema {address.schema!r} for us: correct MYSQL_URL, or create and grant it"
    if code == ER.NO_SUCH_TABLE:
        return f"MySQL at {address} does not hold the three tables in {address.schema!r}: run 'pinpipe seed'"
    if code in _LOST_FOR_NOW or isinstance(error, OSError):
        return f"MySQL at {address} does not answer ({text}): start it with 'pinpipe up', or correct MYSQL_URL"
    return f"MySQL at {address} failed ({code}: {text})"
