"""What the notebooks begin with: the keys of the course's file, and its mount."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from pinpipe import notebook
from pinpipe.errors import SettingsError
from pinpipe.settings import ROOT
from tests.support.targets import without_settings

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of the example file, and whatever is set is unset again afterwards."""
    without_settings(monkeypatch)
    monkeypatch.setenv("PIN_ENV_FILE", str(ROOT / ".env.example"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffAccess key ID,Secret access key\ntest2,a/b+c\n",
        "User name,Password,Access key ID,Secret access key,Console login link\nada,,test2,a/b+c,https://x\n",
    ],
    ids=["as AWS gives it now", "as the course has it"],
)
def test_the_keys_of_the_courses_file_go_before_those_of_the_settings(tmp_path: Path, text: str) -> None:
    file = tmp_path / "authentication_credentials.csv"
    file.write_text(text, encoding="utf-8")
    loaded = notebook.load([tmp_path / "absent.csv", file])
    assert (loaded.aws_access_key_id, notebook.keys(file)["AWS_SECRET_ACCESS_KEY"]) == ("test2", "a/b+c")


def test_without_the_file_the_settings_keys_are_used(tmp_path: Path) -> None:
    assert notebook.load([tmp_path / "absent.csv"]).aws_access_key_id == "test"


def test_a_file_of_something_else_is_told_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "posts.csv"
    file.write_text("index,title\n1,x\n")
    with pytest.raises(SettingsError, match=r"posts\.csv has no column 'Access key ID'"):
        notebook.load([file])


def test_the_bucket_is_mounted_once_with_the_secret_quoted(tmp_path: Path) -> None:
    """``dbutils`` is Databricks' own: a recorder in its place."""
    file = tmp_path / "authentication_credentials.csv"
    file.write_text("Access key ID,Secret access key\ntest2,a/b+c\n")
    loaded = notebook.load([file])
    mounted: list[tuple[str, str]] = []
    dbutils = SimpleNamespace(fs=SimpleNamespace(
        mounts=lambda: [SimpleNamespace(mountPoint=place) for _, place in mounted],
        mount=lambda source, place: mounted.append((source, place)),
    ))  # fmt: skip
    assert [notebook.mount(dbutils, loaded) for _ in range(2)] == ["/mnt/user-demo-bucket"] * 2
    assert mounted == [("s3a://test2:a%2Fb%2Bc@user-demo-bucket", "/mnt/user-demo-bucket")]
