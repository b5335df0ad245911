"""Take the pictures of the page in docs/images with a headless Chromium: light, dark, narrow.

python docs/app_pictures.py           writes docs/images/app-*.jpg
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from shutil import copy

from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))
from browser import Page, browser  # noqa: E402
from page_server import page_server  # noqa: E402

IMAGES = ROOT / "docs" / "images"
DONE = "document.querySelector('.batch .state')?.textContent.startsWith('Done')"
LOADED = "[...document.querySelectorAll('img')].filter((each) => each.checkVisibility()).every((each) => each.complete)"


def main() -> None:
    """Go through the page as a user does, and save what is seen."""
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photographs"
        photos.mkdir()
        for path in (ROOT / "pipelines" / "pictures").glob("*.jpg"):
            copy(path, photos)
        with page_server(Path(folder) / "home", photos) as server, browser(Path(folder) / "profile") as page:
            page.size(1440, 960)
            page.open(server.url)
            page.until("Boolean(document.body?.dataset.ready)")
            save(page, "app-translate")
            page.click(".compare-too input")
            page.click(".try")
            page.until("document.querySelectorAll('.results .compare').length === 2")
            page.click(".segments button", "200 %")
            page.value("document.querySelector('.results').scrollIntoView({block: 'end'})")
            page.value("scrollBy(0, 130)")
            save(page, "app-try")
            page.size(1440, 960, dark=True)
            save(page, "app-try-dark")
            page.click(".start .main")
            page.until(DONE)
            page.until("document.querySelectorAll('.gallery .tile').length === 3")
            page.size(1440, 960)
            save(page, "app-batches")
            page.click(".gallery .tile")
            save(page, "app-result")
            page.key("Escape")
            page.value("location.hash = 'translate'")
            page.size(390, 844)
            page.value("scrollTo(0, 0)")
            save(page, "app-narrow")


def save(page: Page, name: str) -> None:
    """Save what is seen as a JPEG file."""
    time.sleep(1.0)  # transitions
    page.until(LOADED)
    with tempfile.TemporaryDirectory() as folder:
        page.picture(Path(folder) / "seen.png")
        with Image.open(Path(folder) / "seen.png") as image:
            image.convert("RGB").save(IMAGES / f"{name}.jpg", quality=85, optimize=True)


if __name__ == "__main__":
    main()
