"""Whoever reads an error finds it on the troubleshooting page, and the page has none that nobody can read."""

from __future__ import annotations

import re

import pytest

from tests.support.error_texts import HOLE, ROOT, ErrorText, error_texts, setup_texts

pytestmark = pytest.mark.docs

ENTRIES = re.findall(r"^\| `([^`]+)` \|", (ROOT / "docs" / "troubleshooting.md").read_text(), re.MULTILINE)
TEXTS = [*error_texts(), *setup_texts()]


def is_about(entry: str, text: str) -> bool:
    """Whether the words of an entry come in a text, in their order; holes stand for anything."""
    return re.search(".*?".join(map(re.escape, entry.split(HOLE))), text, re.DOTALL) is not None


def test_the_texts_are_those_of_the_code() -> None:
    """Guards the others: a collector that finds nothing would agree with every page."""
    texts = {error.text for error in TEXTS}
    assert len(texts) > 90
    assert "MySQL at … refuses the user …: correct the user and password in MYSQL_URL" in texts
    assert "Java 17 or newer is needed (found: …): on Debian and Ubuntu run 'sudo apt-get install …'" in {
        re.sub(r"install [\w-]+'", "install …'", text) for text in texts
    }


@pytest.mark.parametrize("error", TEXTS, ids=lambda error: f"{error.place} {error.text[:40]}")
def test_each_error_has_its_entry(error: ErrorText) -> None:
    assert any(is_about(entry, error.text) for entry in ENTRIES), f"docs/troubleshooting.md says nothing of {error}"


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_entry_is_about_an_error_and_says_enough_to_be_found(entry: str) -> None:
    assert len(re.sub(r"\W|[…\d_]", "", entry)) >= 8, "too few letters: it would be about anything"
    assert any(is_about(entry, error.text) for error in TEXTS), "no such text is in the code any more"
