"""The quick counts come from listings and logs, equal the deep ones, and a part that is down is no obstacle."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from obstore.store import LocalStore

from pinpipe import delta, lake
from pinpipe.settings import TABLES, Settings
from pinpipe.stack import PARTS
from pinpipe.status import Panel, gather, last_run, stream_read

pytestmark = pytest.mark.unit

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a stack of which nothing runs, with tables in a folder."""
    ports = {name: 1 for part in PARTS for name in part.ports}
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        aws_endpoint_url="http://127.0.0.1:1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        mysql_url="mysql://pinpipe:pinpipe@127.0.0.1:1/pinterest_data",
        kafka_bootstrap_servers="127.0.0.1:1",
        rest_proxy_url="http://127.0.0.1:1",
        connect_url="http://127.0.0.1:1",
        spark_remote="sc://localhost:1",
        stream_url="http://127.0.0.1:1",
        airflow_url="http://127.0.0.1:1",
        dashboard_url="http://127.0.0.1:1",
        pin_tables_path=str(tmp_path / "tables"),
        pin_home=tmp_path / "home",
        **ports,
    )


def write(settings: Settings, path: str, rows: list[dict[str, object]]) -> None:
    write_deltalake(f"{settings.tables_path}/{path}", pa.Table.from_pylist(rows), mode="append")


def raw(partition: int, *offsets: int) -> list[dict[str, object]]:
    return [{"raw": b"{}", "_source": {"topic": "t", "partition": partition, "offset": n}} for n in offsets]


def test_an_object_is_loaded_when_the_raw_table_has_come_to_its_first_offset(
    settings: Settings, tmp_path: Path
) -> None:
    write(settings, "raw/pin", raw(0, 0, 1, 2))
    write(settings, "raw/pin", raw(1, 0))
    write(settings, "raw/pin", raw(0, 4))
    log = delta.files(settings, "raw/pin")
    assert delta.count(log) == 5
    assert delta.loaded(log) == {0: 4, 1: 0}
    store = LocalStore(tmp_path)
    for name, lines in {"0+0000000000": 3, "0+0000000004": 1, "0+0000000005": 2, "1+0000000000": 1, "2+0000000000": 4}.items():  # fmt: skip  # noqa: E501
        store.put(f"topics/demo.pin/partition={name[0]}/demo.pin+{name}.json", b"{}\n" * lines)
    for stranger in (
        "notes.txt",
        "partition=0/a+b+c.json",
        "partition=0/demo.pin+1+0000000000.json",
        "demo.pin+0+0.json",
    ):
        store.put(f"topics/demo.pin/{stranger}", b"by hand\n")
    present = lake.objects(store, "demo.pin")
    assert len(present) == 5
    new = lake.not_loaded(present, {0: 4, 1: 0})
    assert lake.read(store, new) == [(0, 5), (0, 6), (2, 0), (2, 1), (2, 2), (2, 3)]
    assert len(lake.read(store, present)) == delta.count(log) + 6


def test_a_raw_file_of_several_partitions_does_not_tell_what_is_loaded(settings: Settings) -> None:
    write(settings, "raw/pin", raw(0, 0) + raw(1, 0))
    assert delta.loaded(delta.files(settings, "raw/pin")) is None


def test_rows_are_counted_by_partition_from_the_log_alone(settings: Settings) -> None:
    rows = [{"table": table, "ind": 1} for table in ("pin", "pin", "geo")]
    write_deltalake(f"{settings.tables_path}/superseded/batch", pa.Table.from_pylist(rows), partition_by=["table"])
    for file in Path(settings.tables_path).rglob("*.parquet"):
        file.unlink()
    log = delta.files(settings, "superseded/batch")
    assert [delta.count(log, table) for table in TABLES] == [2, 1, 0]
    assert delta.files(settings, "superseded/stream") == []


def runs(read: int, *tables: str, at: datetime = NOW) -> list[dict[str, object]]:
    return [{"table": table, "finished_at": at, "read": read, "repeats": read // 2} for table in tables]


def test_what_the_stream_read_is_told_by_the_log_where_each_batch_wrote_a_row(settings: Settings) -> None:
    write(settings, "runs/stream", runs(30, "pin"))
    write(settings, "runs/stream", runs(12, "pin"))
    write(settings, "runs/stream", runs(5, "geo"))
    assert delta.read_by_stream(delta.files(settings, "runs/stream")) == {"pin": 42, "geo": 5}
    assert stream_read(settings) == {"pin": 42, "geo": 5}


def test_and_by_its_rows_where_a_file_has_several(settings: Settings) -> None:
    write(settings, "runs/stream", [*runs(30, "pin"), *runs(12, "pin"), *runs(5, "geo")])
    write(settings, "runs/stream", runs(7, "pin"))
    assert len(delta.files(settings, "runs/stream")) == 2
    assert delta.read_by_stream(delta.files(settings, "runs/stream")) is None
    assert stream_read(settings) == {"pin": 49, "geo": 5}


def test_the_last_runs_repeats_are_read_and_no_older_file(settings: Settings) -> None:
    write(settings, "runs/batch", runs(100, *TABLES, at=NOW - timedelta(hours=1)))
    [old] = Path(settings.tables_path).rglob("*.parquet")
    write(settings, "runs/batch", runs(200, *TABLES))
    old.unlink()
    assert last_run(settings) == dict.fromkeys(TABLES, 100)
    assert last_run(settings.model_copy(update={"pin_tables_path": f"{settings.tables_path}/none"})) == {}


def test_with_every_part_down_it_answers_at_once_and_makes_nothing_up(settings: Settings) -> None:
    started = time.monotonic()
    status = gather(settings)
    assert time.monotonic() - started < 3
    assert {name: part.state for name, part in status.parts.items()} == {part.name: "down" for part in PARTS}
    told = status.as_dict()
    counts = [count for way in ("batch", "stream") for table in told[way].values() for count in table.values()]
    assert len(counts) == 3 * 10 + 3 * 5
    assert set(counts) == {None}
    assert told["dag"] == {"last_run": None, "state": None}
    assert told["problems"] == []


def test_a_part_that_does_not_tell_in_time_or_fails_is_named_and_holds_nobody_up(settings: Settings) -> None:
    panel = Panel(settings.model_copy(update={"spark_remote": None}), patience=0.3)  # a part that is always there
    slow, fast = panel.ask("spark", lambda: time.sleep(1.5)), panel.ask("spark", lambda: 7)
    down = panel.ask("mysql", lambda: 7)
    started = time.monotonic()
    assert (slow.told(), fast.told(), down.told()) == (None, 7, None)
    assert time.monotonic() - started < 1
    assert panel.untold == {"spark": "nothing came within 0.3 s"}
    panel.close()
    failing = Panel(settings.model_copy(update={"spark_remote": None}), patience=5)
    assert failing.ask("spark", lambda: {}["cell"]).told() is None
    assert failing.untold == {"spark": "'cell'"}
    failing.close()
