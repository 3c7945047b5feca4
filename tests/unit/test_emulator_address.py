"""MYSQL_URL is read, or refused without being shown: it holds a password."""

import pytest

from producer.database import Address, create_table
from producer.errors import DatabaseError
from producer.tables import GEO, PIN

pytestmark = pytest.mark.unit


def test_an_address_is_read_with_its_escapes():
    assert Address.of("mysql://me:p%40ss%2F@db.example:3307/pinterest_data") == Address(
        "db.example", 3307, "me", "p@ss/", "pinterest_data"
    )


def test_the_port_may_be_left_out():
    assert Address.of("mysql://me:x@db/pinterest_data").port == 3306


def test_no_password_is_shown():
    address = Address.of("mysql://me:secret@db/pinterest_data")
    assert "secret" not in f"{address} {address!r}"
    assert str(address) == "db:3306"


@pytest.mark.parametrize(
    "url",
    ["", "db", "http://me:secret@db/x", "mysql://db/x", "mysql://me:secret@db", "mysql://me:secret@db:port/x",
     "mysql://me:secret@db/x/y", "mysql://me:secret@/x", "mysql://me:secret@db:99999/x"],
)  # fmt: skip
def test_anything_else_is_refused_without_showing_it(url):
    with pytest.raises(DatabaseError) as refused:
        Address.of(url)
    assert str(refused.value) == ("MYSQL_URL is not of the form mysql://user:password@host:port/schema: correct it")


def test_reserved_words_are_quoted_and_nothing_may_be_null():
    assert create_table(GEO, "geolocation_data") == (
        "CREATE TABLE IF NOT EXISTS `geolocation_data` (`ind` INT NOT NULL, `timestamp` DATETIME NOT NULL,"
        " `latitude` FLOAT NOT NULL, `longitude` FLOAT NOT NULL, `country` TEXT NOT NULL, PRIMARY KEY (`ind`))"
        " ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"
    )
    assert "(`index` INT NOT NULL, `unique_id` TEXT NOT NULL" in create_table(PIN, "x")
