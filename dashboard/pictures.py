"""Pictures of the page and of ``pinpipe status``, for the README: ``make pictures``, while the stack runs."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pinpipe import settings
from pinpipe.settings import ANSWERS, ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from pinpipe.counts import Status

CHROMIUM = ROOT / ".pinpipe" / "chromium" / "chromium"
"""The browser that set-up got (tests/support/chromium.sh)."""
SECONDS = 90
"""How long the page may take to show something; on a busy machine its first paint takes long."""


@contextmanager
def page(url: str, width: int = 1100, dark: bool = False) -> Iterator[Page]:
    """The page at ``url`` in a headless Chromium, when it shows the flow."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's own sandbox can't be had as root or in a container; nothing but our own page is opened
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        try:
            opened = browser.new_page(
                viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
            )
            opened.set_default_timeout(SECONDS * 1000)
            opened.goto(url)
            opened.wait_for_selector("svg.flow")
            yield opened
        finally:
            browser.close()


def show(opened: Page, what: str) -> None:
    """Choose what the page shows: Flow, Answers, Quarantine or SQL."""
    opened.get_by_role("radio", name=what).click()


def status_svg(found: Status) -> str:
    """What ``pinpipe status`` prints, as SVG."""
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console

    from pinpipe.cli import status as look

    console = Console(record=True, width=72, file=io.StringIO())
    for shown in (look.counts(found), look.stream(found), look.parts(found)):
        console.print(shown)
    # the reader's own font, not one from the web
    own = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    return console.export_svg(title="pinpipe status", code_format=own)


def main(folder: Path) -> None:
    """Write the pictures into a folder."""
    from pinpipe.status import gather

    in_force = settings.load()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status.svg").write_text(status_svg(gather(in_force)))
    with page(in_force.dashboard_url, width=800) as opened:
        opened.set_viewport_size({"width": 800, "height": 1050})
        opened.get_by_role("cell", name="sink lag").wait_for()
        opened.screenshot(path=folder / "flow.png")
        show(opened, "Answers")
        opened.locator("marimo-vega canvas").nth(len(ANSWERS) - 1).wait_for()
        opened.wait_for_timeout(1000)  # charts are drawn anew when their width is known
        opened.screenshot(path=folder / "answers.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
