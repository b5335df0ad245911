"""The page in a real browser, with the real server, engine and models. Skipped where there is no Chromium."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import browser
import numpy as np
import pytest
from browser import Page
from page_server import PATIENCE, PageServer, page_server
from PIL import Image

HOSTILE = '<img src=x onerror="document.title=1">.png'
READY = "Boolean(document.body?.dataset.ready)"
STATE = "document.querySelector('.batch .state')?.textContent"
NAMELESS = ("button", "link", "textbox", "combobox", "slider", "checkbox", "radio", "spinbutton", "image")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        browser.installed() is None, reason=f"no browser is installed: one of {', '.join(browser.NAMES)}"
    ),
]


def save(path: Path, width: int = 96, height: int = 64) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(len(path.name)).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(levels).save(path)
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("browser")
    for name in ("a.png", "b.png", HOSTILE):
        save(place / "photos" / name)
    (place / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    save(place / "dropped" / "trip" / "c.png")
    (place / "photos" / "empty").mkdir()
    many = place / "photos" / "many"
    many.mkdir()
    content = (place / "photos" / "a.png").read_bytes()
    for number in range(10_000):
        (many / f"{number}.png").write_bytes(content)
    return place


@pytest.fixture(scope="module")
def opened(place: Path) -> Iterator[tuple[PageServer, Page]]:
    with page_server(place / "home", place / "photos") as server, browser.browser(place / "profile") as page:
        page.size(1280, 900)
        page.send("Page.addScriptToEvaluateOnNewDocument", source=_SHIFTS)
        page.open((place / "home" / "data" / "app" / "open.html").as_uri())  # as a launch does
        page.until(READY)
        yield server, page


@pytest.fixture
def page(opened: tuple[PageServer, Page]) -> Iterator[Page]:
    found = opened[1]
    yield found
    assert found.errors == []  # no exception, and nothing that the policy had to refuse


_SHIFTS = """
  window.shifted = 0;
  new PerformanceObserver((list) => {
    for (const each of list.getEntries()) if (!each.hadRecentInput) window.shifted += each.value;
  }).observe({ type: "layout-shift", buffered: true });
"""


def test_the_launch_opens_the_page_once_and_it_stays_open(opened: tuple[PageServer, Page]) -> None:
    server, page = opened
    assert page.value("location.pathname") == f"{server.area}/"
    assert page.value("document.cookie") == ""  # no script can read the session
    page.value("location.reload()")
    page.until(READY)
    page.until("document.querySelectorAll('.tile img').length >= 4")
    assert page.value("window.shifted") <= 0.02


def test_names_of_files_are_text(page: Page) -> None:
    names = page.value("[...document.querySelectorAll('.tile .name')].map((each) => each.textContent)")
    assert HOSTILE in names
    assert page.value("document.title") != "1"


def test_everything_that_can_be_used_has_a_name(page: Page) -> None:
    page.send("Accessibility.enable")
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    used = [each for each in nodes if not each["ignored"] and each.get("role", {}).get("value") in NAMELESS]
    assert len(used) > 20
    assert [each["role"]["value"] for each in used if not each.get("name", {}).get("value")] == []
    page.send("Accessibility.disable")


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1280, True), (2560, False)])
def test_nothing_is_wider_than_the_page(page: Page, width: int, dark: bool) -> None:
    page.size(width, 900, dark)
    page.until(f"window.innerWidth === {width}")
    assert page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    page.size(1280, 900)


def test_ten_thousand_pictures_are_few_elements(page: Page) -> None:
    page.click(".folder", "many")
    page.until("document.querySelector('.told').textContent.startsWith('10,000')")
    grid = "document.querySelector('.picker .grid')"
    for part in (0, 0.5, 1):
        page.value(f"{grid}.scrollTop = {part} * {grid}.scrollHeight")
        page.until(f"{grid}.querySelectorAll('.tile').length > 4")
        assert page.value(f"{grid}.querySelectorAll('*').length") <= 400
    page.until("[...document.querySelectorAll('.tile .name')].some((each) => each.textContent === '9999.png')")
    page.value("document.querySelector('.way select').dispatchEvent(new Event('change'))")
    page.until("document.querySelector('.told').textContent.startsWith('4 ')")


def test_without_pictures_the_samples_are_offered(page: Page) -> None:
    page.click(".folder", "empty")
    page.click(".told button", "sample")
    page.until("document.querySelector('.told').textContent.startsWith('3 pictures')")
    assert page.value("document.querySelector('.summary').textContent").startswith("3 pictures in Sample pictures")
    page.value("document.querySelector('.way select').value = '0'")
    page.value("document.querySelector('.way select').dispatchEvent(new Event('change'))")
    page.until("document.querySelector('.told').textContent.startsWith('4 ')")


def test_two_models_are_tried_by_the_keyboard_alone(page: Page) -> None:
    page.value("document.querySelector('.compare-too input').focus()")
    page.key(" ")
    page.value("document.querySelector('.picker .tile').focus()")
    for _ in range(3):
        page.key("ArrowLeft")
    page.until(
        "document.activeElement.textContent.includes('a.png') || document.activeElement.textContent.includes('<img')"
    )
    page.key("Enter")
    page.value("document.querySelector('.marker').focus()")
    page.key("ArrowRight")
    page.key("Enter")
    page.until("document.querySelectorAll('.results .compare').length === 2")
    page.until("[...document.querySelectorAll('.results img')].every((each) => each.naturalWidth > 0)")
    widths = page.value(
        "[...document.querySelectorAll('.results .stage')].map((each) => each.children[0].naturalWidth)"
    )
    assert widths == [192, 384]
    page.value("document.querySelector('.results input[type=range]').focus()")
    page.key("ArrowRight")
    left = page.value("[...document.querySelectorAll('.results .handle')].map((each) => each.style.left)")
    assert left == ["50.5%", "50.5%"]  # they move together
    page.click(".segments button", "200 %")
    page.until("[...document.querySelectorAll('.lens')].filter((each) => !each.hidden).length === 2")


def test_a_dropped_folder_is_translated_and_shown(opened: tuple[PageServer, Page], place: Path) -> None:
    server, page = opened
    page.drop(place / "dropped" / "trip")
    page.until("document.querySelector('.summary').textContent.includes('trip')")
    page.click(".folder", "trip")
    page.until("document.querySelector('.told').textContent.startsWith('1 ')")
    page.click("button", "Show YAML")
    page.until("Boolean(document.querySelector('dialog pre'))")
    assert "uses: translate" in page.value("document.querySelector('dialog pre').textContent")
    page.key("Escape")
    page.until("!document.querySelector('dialog')")
    page.click(".start .main")
    page.until(f"{STATE} === 'Done'")
    page.until("document.querySelectorAll('.gallery .tile').length === 1")
    page.click(".gallery .tile")
    page.until("[...document.querySelectorAll('dialog .stage img')].every((each) => each.naturalWidth > 0)")
    assert page.value("document.querySelector('dialog .title').textContent").endswith("c.png")
    page.key("Escape")
    page.click(".batch button", "Remove")
    page.until("!document.querySelector('.batch')")
    assert list((server.home / "data" / "app" / "inbox").iterdir()) == []
    assert list(place.glob("photos/img2img/*/**/c.png"))
    assert page.errors == []


def test_failures_are_told_with_reasons_and_a_second_language_is_there(page: Page) -> None:
    page.value("location.hash = 'translate'")
    page.value("document.querySelector('.way select').value = '0'")
    page.value("document.querySelector('.way select').dispatchEvent(new Event('change'))")
    page.until("document.querySelector('.told').textContent.startsWith('4 ')")
    page.value(
        "[...document.querySelectorAll('.check')].find((each) => each.textContent === 'With subfolders').click()"
    )
    page.click(".start .main")
    page.until(f"{STATE} === 'Done, with failures'")
    page.until("document.querySelectorAll('.gallery .tile').length === 3")
    page.until("document.querySelector('.failures')?.textContent.includes('broken.png')")
    page.value("localStorage.setItem('language', 'de'); location.reload()")
    page.until(f"{READY} && {STATE} === 'Fertig, mit Fehlern'")
    assert page.value("document.documentElement.lang") == "de"
    page.value("localStorage.clear()")


def test_several_paused_batches_can_be_resumed_at_once(page: Page) -> None:
    page.value("location.hash = 'batches'")
    batch = {"state": "paused", "total": 2, "made": 1, "outputs": 0, "failed": 0, "rate": None, "eta": None}
    batch |= {"name": "a", "source": "/a", "output": "/b", "text": "", "problem": "", "surveyed": True, "created": 1}
    for paused, shown in ((1, False), (2, True)):
        told = [{**batch, "id": str(number)} for number in range(paused)]
        page.value(f"import('./static/batches.js').then((each) => each.showBatches({json.dumps(told)}))")
        assert page.value("!document.querySelector('.all').hidden") is shown
    page.click(".all button")
    page.until("document.querySelector('#notices').textContent.includes('no such batch')")


def test_the_page_says_that_the_server_has_ended(opened: tuple[PageServer, Page]) -> None:
    server, page = opened
    assert page.value("document.getElementById('ended').hidden")
    server.process.send_signal(signal.SIGINT)
    page.until("!document.getElementById('ended').hidden")
    assert server.process.wait(PATIENCE) == 0
    assert page.errors == []
