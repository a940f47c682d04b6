"""One browser for all tests of reports."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.report.browser import find_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Headless Chromium, driven by Playwright."""
    program = find_chromium()
    if program is None:
        message = "there is no Chromium; install the system's package, chromium"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # As root, and without a large /dev/shm, as in containers.
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        opened = playwright.chromium.launch(executable_path=program, args=flags)
        yield opened
        opened.close()
