"""A page of headless Chromium that notes what is logged and asked for."""

import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """Path of the browser, None where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


def axe_source() -> str:
    """The rules of accessibility, as one script."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


class Session:
    """One page, with all that it logs and asks for.

    Args:
        browser: of Playwright.
    """

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._context: Any = None
        self.page: Any = None
        self.messages: list[str] = []
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._context is not None:
            self._context.close()

    def open(self, path: Path, **given: Any) -> Any:
        """Open a file in a page of its own."""
        self._context = self._browser.new_context(**given)
        self._context.set_default_timeout(10_000)
        self.page = self._context.new_page()
        self.page.on("console", lambda message: self.messages.append(message.text))
        self.page.on("pageerror", lambda error: self.messages.append(str(error)))
        self.page.on("request", lambda request: self._note(request.url))
        self.page.goto(path.as_uri())
        return self.page

    def _note(self, url: str) -> None:
        # Images inside the file go no further than the file.
        if not url.startswith("data:image/"):
            self.requests.append(url)
