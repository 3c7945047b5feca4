"""A person's own copy of the tables: seeded from files, sent both ways, and answered as the oracle answers."""

from __future__ import annotations

import json
import re

import pytest
import yaml

from pinpipe import delta, settings
from pinpipe.settings import TABLES
from tests.support import aws_leg
from tests.support.oracle import oracle_answers
from tests.support.pipeline import HOME, ROOT, Pipeline
from tests.support.traps import EXPECTED, hand_made_rows

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def own_copy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    """Both paths from end to end with few posts, on rows on which each known mistake gives another answer; on AWS with
    the settings in force."""
    if aws_leg.chosen(request.config):
        pipeline = Pipeline(settings.load().pin_user_id, env_file=settings.env_file())
    else:
        request.getfixturevalue("stack")
        pipeline = Pipeline("own-copy")
    pipeline.run("provision")
    held = {table: counts["topic"] for table, counts in pipeline.json("status")["batch"].items()}
    assert set(held.values()) == {0}, f"the user {pipeline.user} has records in the topics: give the tests another one"
    folder = tmp_path_factory.mktemp("own-copy")
    for table, name in {"pin": "pinterest_data", "geo": "geolocation_data", "user": "user_data"}.items():
        lines = [json.dumps(row, ensure_ascii=False) for row in hand_made_rows()[table]]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    pipeline.run("seed", "--from", str(folder))
    pipeline.run("post", "--all", "--to", "both")
    pipeline.run("stream", "--available-now")
    pipeline.wait_for_sink()
    pipeline.run("batch")
    return pipeline


@pytest.mark.aws
def test_rows_loaded_from_a_folder_are_answered_as_the_oracle_does(own_copy: Pipeline) -> None:
    assert own_copy.json("answers") == oracle_answers(hand_made_rows()) == EXPECTED


@pytest.mark.aws
def test_every_row_is_where_it_belongs_on_both_paths(own_copy: Pipeline) -> None:
    status, rows = own_copy.json("status"), hand_made_rows()
    for table in TABLES:
        sent, bad = len(rows[table]), int(table == "pin")  # its category is a blank
        counts, streamed = status["batch"][table], status["stream"][table]
        assert [counts[name] for name in ("source", "topic", "lake")] == [sent] * 3
        assert [counts[name] for name in ("superseded", "dead_letters", "tombstones", "repeats")] == [0] * 4
        assert (counts["clean"], counts["quarantined"]) == (sent - bad, bad)
        assert [streamed[name] for name in ("read", "clean", "quarantined")] == [sent, sent - bad, bad]


@pytest.mark.aws
@pytest.mark.parametrize("table", TABLES)
def test_both_paths_clean_a_row_alike(own_copy: Pipeline, table: str) -> None:
    def cleaned(path: str) -> list[dict[str, object]]:
        found = delta.rows(own_copy.settings(), path) or []
        return sorted(({**row, "_source": None} for row in found), key=lambda row: str(row["ind"]))

    assert cleaned(f"batch/{table}") == cleaned(f"stream/{own_copy.user}_{table}_table") != []


@pytest.mark.usefixtures("own_copy")
def test_localstack_was_asked_for_what_the_policies_for_aws_grant_and_no_more() -> None:
    """LocalStack's own log since the stack's start; which part asked it does not say."""
    asked = set(re.findall(r"AWS (\w+\.\w+) => ", (HOME / "logs" / "localstack.log").read_text(errors="replace")))
    known = yaml.safe_load((ROOT / "aws" / "actions.yaml").read_text())
    seen = {part: set(known[part]["seen"]) for part in known if part != "wide"}
    of_tests = {"kinesis.PutRecord", "kinesis.SplitShard", "kinesis.MergeShards"}  # test_streaming.py
    assert asked - of_tests - set().union(*seen.values()) == set()
    # the operator also changes and removes, which tests/stack does
    assert seen["Emulator"] | seen["Sink"] | seen["SparkJob"] <= asked
