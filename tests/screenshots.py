"""Pictures of reports as they look on a desk, on a phone, in the dark and in print.

Run as `python -m tests.screenshots [REPORT.html ...]`; without names, of the demonstration and of
the V4 study, which are made first where they are not there. Pictures go to `out/screenshots`.
"""

import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.report.browser import find_chromium

ROOT = Path(__file__).parent.parent
OUT = ROOT / "out" / "screenshots"
MADE = {
    ROOT / "out" / "demo" / "report.html": ["demo", "--out", "out/demo"],
    ROOT / "out" / "v4_objects" / "report.html": [
        *("report", "analyses/v4_objects.toml", "--out", "out/v4_objects"),
    ],
}
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 375, "height": 812}
LOOKS = {
    "desktop": {"viewport": DESK},
    "dark": {"viewport": DESK, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "device_scale_factor": 2},
}


def main(reports: list[str]) -> None:
    """Make what is missing, and take the pictures."""
    paths = [Path(each) for each in reports] or list(MADE)
    for path in paths:
        if not path.is_file():
            subprocess.run([sys.executable, "-m", "neurospyke", *MADE[path]], check=True, cwd=ROOT)
    OUT.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=flags)
        for path in paths:
            _shoot(browser, path.resolve())
        browser.close()


def _shoot(browser: Browser, path: Path) -> None:
    name = path.parent.name
    for look, given in LOOKS.items():
        page = browser.new_page(**given)  # pyright: ignore[reportArgumentType]
        page.goto(path.as_uri())
        page.screenshot(path=OUT / f"{name}-{look}.png", full_page=True)
        if look == "desktop":
            page.locator(".enlarge").first.click()
            page.screenshot(path=OUT / f"{name}-enlarged.png")
            page.keyboard.press("Escape")
            page.pdf(path=OUT / f"{name}-print.pdf", format="A4")
        page.close()


if __name__ == "__main__":
    main(sys.argv[1:])
