"""A person's own copy of the tables is read, or refused in one line that names file, line and column."""

import csv
import json
from dataclasses import replace
from datetime import datetime

import pytest

from producer.errors import FolderError
from producer.folder import posts_in_all, read_folder
from producer.tables import TABLES, Tables, as_record
from producer.values import to_datetime, to_float, to_int
from tests.support.generated import tables

pytestmark = pytest.mark.unit

ROWS = 100


def write_csv(path, rows, columns=None, encoding="utf-8"):
    records = [as_record(row) for row in rows]
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, columns or list(records[0]))
        writer.writeheader()
        writer.writerows(records)


def write_jsonl(path, rows):
    lines = [json.dumps(as_record(row), ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture
def folder(tmp_path):
    """100 generated posts as CSV, newlines, emoji and NO-BREAK SPACES included."""
    for table in TABLES.values():
        write_csv(tmp_path / f"{table.mysql_name}.csv", tables(ROWS).rows(table.name))
    return tmp_path


def refusal(folder):
    with pytest.raises(FolderError) as refused:
        read_folder(folder)
    message = str(refused.value)
    assert "\n" not in message
    return message


def test_csv_files_come_back_value_for_value(folder):
    assert read_folder(folder) == tables(ROWS)


def test_jsonl_files_come_back_value_for_value(tmp_path):
    first = replace(tables(ROWS).pin[0], title='a\u2028b\u0085c\n\t"d"')  # separators that splitlines() would cut at
    own = Tables([first, *tables(ROWS).pin[1:]], tables(ROWS).geo, tables(ROWS).user)
    for table in TABLES.values():
        write_jsonl(tmp_path / f"{table.mysql_name}.jsonl", own.rows(table.name))
    assert read_folder(tmp_path) == own


def test_the_two_formats_may_be_mixed(folder):
    (folder / "user_data.csv").unlink()
    write_jsonl(folder / "user_data.jsonl", tables(ROWS).user)
    assert read_folder(folder) == tables(ROWS)


def test_a_byte_order_mark_is_no_part_of_the_first_column(folder):
    write_csv(folder / "pinterest_data.csv", tables(ROWS).pin, encoding="utf-8-sig")
    assert read_folder(folder) == tables(ROWS)


def test_columns_may_come_in_any_order(folder):
    write_csv(folder / "geolocation_data.csv", tables(ROWS).geo, columns=sorted(TABLES["geo"].columns))
    assert read_folder(folder) == tables(ROWS)


def test_rows_are_sorted_by_key(folder):
    write_csv(folder / "user_data.csv", tables(ROWS).user[::-1])
    assert read_folder(folder) == tables(ROWS)


def test_the_tables_need_not_have_the_same_rows(folder):
    write_csv(folder / "user_data.csv", tables(ROWS).user[90:])
    write_csv(folder / "geolocation_data.csv", tables(ROWS).geo[:95])
    own = read_folder(folder)
    assert [len(own.rows(name)) for name in TABLES] == [100, 95, 10]
    assert posts_in_all(own) == 5


def test_tables_without_a_common_post_are_refused_with_their_counts(folder):
    write_csv(folder / "user_data.csv", tables(ROWS).user[40:])
    write_csv(folder / "geolocation_data.csv", tables(ROWS).geo[:40])
    assert refusal(folder) == (
        f"no key is in all three files of {folder}: pinterest_data.csv has 100 rows, geolocation_data.csv has 40 rows,"
        " user_data.csv has 60 rows, of different posts"
    )


def test_a_missing_folder_is_named(tmp_path):
    assert refusal(tmp_path / "none").startswith(f"{tmp_path / 'none'} is not a folder")


def test_a_missing_file_is_named(folder):
    (folder / "geolocation_data.csv").unlink()
    assert refusal(folder) == (
        f"{folder} holds neither geolocation_data.csv nor geolocation_data.jsonl: add one of them"
    )


def test_a_table_in_both_formats_is_refused(folder):
    write_jsonl(folder / "user_data.jsonl", tables(ROWS).user)
    assert refusal(folder) == f"{folder} holds both user_data.csv and user_data.jsonl: keep one of them"


def test_an_unknown_column_is_refused(folder):
    path = folder / "user_data.csv"
    path.write_text(path.read_text().replace("age,", "years,", 1))
    assert refusal(folder) == (
        "user_data.csv line 1, column 'years': unknown; the columns are ind, first_name, last_name, age, date_joined"
    )


def test_a_missing_and_a_doubled_column_are_named(folder):
    path = folder / "user_data.csv"
    path.write_text("ind,first_name,last_name,date_joined\n1,a,b,2016-01-01\n")
    assert refusal(folder) == "user_data.csv line 1, column 'age': missing"
    path.write_text("ind,first_name,last_name,age,age,date_joined\n")
    assert refusal(folder) == "user_data.csv line 1, column 'age': occurs twice"


def test_an_unknown_column_in_one_json_line_is_refused(tmp_path, folder):
    (folder / "user_data.csv").unlink()
    records = [as_record(row) for row in tables(ROWS).user]
    records[4]["role"] = "y"
    (folder / "user_data.jsonl").write_text("".join(f"{json.dumps(record)}\n" for record in records))
    assert refusal(folder).startswith("user_data.jsonl line 5, column 'role': unknown")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("x,a,b,20,2016-01-01", "column ind: 'x' is not a whole number"),
        ("7.0,a,b,20,2016-01-01", "column ind: '7.0' is not a whole number"),
        ("-1,a,b,20,2016-01-01", "column ind: -1 is below 0"),
        ("1,a,b,3000000000,2016-01-01", "column age: 3000000000 does not fit MySQL's INT"),
        ("1,a,b,20,yesterday", "column date_joined: 'yesterday' is not a moment such as 2020-08-28T03:52:47"),
        ("0,a,b,20,2016-01-01", "column ind: 0 is in line 2 already"),
    ],
)
def test_a_value_of_another_type_is_named_with_line_and_column(folder, values, message):
    (folder / "user_data.csv").write_text(f"ind,first_name,last_name,age,date_joined\n0,a,b,20,2016-01-01\n{values}\n")
    assert refusal(folder) == f"user_data.csv line 3, {message}"


def test_the_line_is_where_a_row_of_several_lines_starts(folder):
    (folder / "user_data.csv").write_text(
        'ind,first_name,last_name,age,date_joined\n0,"a\nb\nc",d,20,2016-01-01\n1,"a\nb",c,old,2016-01-01\n'
    )
    assert refusal(folder) == "user_data.csv line 5, column age: 'old' is not a whole number"


def test_a_row_of_another_length_and_a_lost_quote_are_named(folder):
    path = folder / "user_data.csv"
    path.write_text("ind,first_name,last_name,age,date_joined\n0,a,b,20\n")
    assert refusal(folder).startswith("user_data.csv line 2: 4 values for 5 columns")
    path.write_text('ind,first_name,last_name,age,date_joined\n0,"a,b,20,2016-01-01\n')
    assert refusal(folder).startswith("user_data.csv line 2: not CSV (")


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_refused_with_the_line(folder, encoding):
    text = "ind,first_name,last_name,age,date_joined\n0,René,b,20,2016-01-01\n"
    (folder / "user_data.csv").write_text(text, encoding=encoding)
    assert "is not UTF-8: save the file as UTF-8" in refusal(folder)


def user_line(**changes):
    """A JSON line of user_data with some values changed; half a surrogate pair stays an escape."""
    return json.dumps(
        {"ind": 1, "first_name": "a", "last_name": "b", "age": 20, "date_joined": "2016-01-01", **changes}
    )


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON ("),
        ("[1]", "not a JSON object"),
        (user_line(ind=True), "column ind: True is not a whole number"),
        (user_line(first_name=5), "column first_name: 5 is not a text"),
        (user_line(first_name=None), "column first_name: None is not a text"),
        (user_line(first_name="\ud83d"), "column first_name: '\\ud83d' holds half a surrogate pair"),
        (user_line(date_joined=1451606400000), "column date_joined: 1451606400000 is not a moment"),
    ],
)
def test_json_lines_that_do_not_fit_are_named(folder, line, message):
    (folder / "user_data.csv").unlink()
    (folder / "user_data.jsonl").write_text(f"\n{line}\n")
    refused = refusal(folder)
    assert refused.startswith("user_data.jsonl line 2")
    assert message in refused


def test_a_file_without_rows_is_refused(folder):
    (folder / "user_data.csv").write_text("ind,first_name,last_name,age,date_joined\n")
    assert refusal(folder) == "user_data.csv holds no rows"


@pytest.mark.parametrize(
    "text",
    ["2020-08-28T03:52:47", "2020-08-28 03:52:47", "2020-08-28T03:52:47.999Z", "2020-08-28T05:52:47+02:00"],
)
def test_moments_are_read_as_utc_in_whole_seconds(text):
    assert to_datetime(text) == datetime(2020, 8, 28, 3, 52, 47)


@pytest.mark.parametrize("text", ["nan", "inf", "1e39", "", "1,5", "1_5"])
def test_a_float_must_be_a_number_that_mysql_holds(text):
    with pytest.raises(ValueError, match=r"is not a number|does not fit MySQL's FLOAT"):
        to_float(text)


def test_numbers_may_come_as_text():
    assert (to_int(" 12 "), to_float("-89.9787")) == (12, -89.9787)
