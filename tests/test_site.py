"""The site: built strictly, complete without a network, and a newcomer finds the way on its first screen."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from architecture import homes
from docs_pages import DOCS, ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page has and needs: anchors, links to follow, and files that a browser loads by itself."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path, self.anchors, self.links, self.loads = path, set[str](), list[str](), list[str]()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors.add(values.get("id", ""))
        if tag == "a":
            self.links.append(values.get("href", ""))
        if tag in LOADED and values.get("rel") != "canonical":
            self.loads.append(values.get(LOADED[tag], ""))

    def target(self, link: str) -> Path:
        """The file that a link without scheme means."""
        path = unquote(urlsplit(link).path)
        return (self.path.parent / path if path else self.path).resolve()


def built(folder: Path, docs: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    if docs:
        command += ["--config-file", str(docs)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "true"}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = built(folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> list[Page]:
    return [Page(path) for path in sorted(site.rglob("*.html")) if "consumers" not in path.parts]


@pytest.mark.slow
def test_every_link_of_every_page_leads_somewhere(pages: list[Page]) -> None:
    anchors = {page.path.resolve(): page.anchors for page in pages}
    broken = []
    for page in pages:
        for link in (*page.links, *page.loads):
            if urlsplit(link).scheme or not link or page.path.name == "404.html":
                continue
            target, anchor = page.target(link), unquote(urlsplit(link).fragment)
            if not target.is_file() or (anchor and anchor not in anchors.get(target, {anchor}) | {"__top"}):
                broken.append(f"{page.path.name}: {link}")
    assert broken == []


@pytest.mark.slow
def test_a_browser_loads_nothing_from_elsewhere(site: Path, pages: list[Page]) -> None:
    elsewhere = {link for page in pages for link in page.loads if urlsplit(link).scheme not in ("", "data")}
    styles = [path.read_text(encoding="utf-8") for path in site.rglob("*.css")]
    imported = {found for text in styles for found in re.findall(r"(?:url\(|@import )[\"']?(https?:[^\"')]+)", text)}
    assert (elsewhere, imported) == (set(), set())


@pytest.mark.slow
def test_the_first_way_on_the_first_page_enlarges_a_folder(site: Path) -> None:
    text = (site / "index.html").read_text(encoding="utf-8")
    first = re.search(r'<a class="md-button[^"]*" href="([^"]+)">([^<]+)</a>', text)
    assert first
    assert first.groups() == ("tutorials/enlarge-a-folder.html", "Enlarge my folder")


@pytest.mark.slow
def test_every_public_name_is_described(site: Path) -> None:
    """Of the package, by the page of its home."""
    missing = []
    for name, home in homes().items():
        page = site / "api" / f"{home.partition('.')[2]}.html"
        if not page.is_file() or f'id="{home}.{name}"' not in page.read_text(encoding="utf-8"):
            missing.append(f"{home}.{name}")
    assert missing == []


@pytest.fixture
def seen(site: Path, tmp_path: Path):
    """Open a page from the disk in a frame of some size, run a script on it, and return what the script says."""

    def see(page: str, size: tuple[int, int], script: str) -> str:
        check = site / "check.html"
        frame = f'<iframe id="f" src="{page}" width="{size[0]}" height="{size[1]}"></iframe><p id="said"></p>'
        run = f"f.onload = () => setTimeout(() => {{ const page = f.contentDocument; {script} }}, 500)"
        check.write_text(f"<!doctype html>{frame}<script>{run}</script>")
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files", "--dump-dom"]
        flags += [f"--user-data-dir={tmp_path}", "--virtual-time-budget=10000"]
        words = [CHROMIUM or "", *flags, check.as_uri()]
        done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
        check.unlink()
        found = re.search(r'id="said">(.*?)<', done.stdout)
        assert found, done.stderr
        return found[1]

    return see


needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("size", [(1280, 720), (360, 640)], ids=["desktop", "phone"])
def test_the_first_way_is_on_the_first_screen(seen, size: tuple[int, int]) -> None:
    """And nothing is wider than the screen."""
    script = """
        const way = page.querySelector(".md-button--primary").getBoundingClientRect(), root = page.documentElement;
        said.textContent = [way.top >= 0 && way.bottom <= f.clientHeight, root.scrollWidth <= root.clientWidth];
    """
    assert seen("index.html", size, script) == "true,true"


@pytest.mark.slow
@needs_chromium
def test_pages_on_a_disk_can_be_searched(seen) -> None:
    script = """
        const query = page.querySelector(".md-search__input");
        query.focus();
        query.value = "transparency";
        query.dispatchEvent(new Event("keyup"));
        setInterval(() => said.textContent = page.querySelectorAll(".md-search-result__item").length, 200);
    """
    assert int(seen("gallery.html", (1280, 720), script) or 0) > 2


@pytest.mark.slow
def test_a_broken_link_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Start\n\n[nowhere](nowhere.md)\n")
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: broken\nstrict: true\ntheme: {name: material, font: false}\nvalidation: {links: {anchors: warn}}\n"
    )
    done = built(tmp_path / "site", tmp_path / "mkdocs.yml")
    assert done.returncode == 1
    assert "nowhere.md" in done.stderr + done.stdout


@pytest.fixture(scope="module")
def hooks():
    pytest.importorskip("mkdocs")
    spec = importlib.util.spec_from_file_location("mkdocs_hooks", DOCS / "mkdocs_hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("page", "link", "uri"),
    [
        ("pipelines.md", "data.md", "data.md"),
        ("data.md", "../pipelines/quickstart.yaml", "repository/pipelines/quickstart.yaml"),
        ("tutorials/x.md", "../../plugins/pix2pix/pix2pix.yaml", "repository/plugins/pix2pix/pix2pix.yaml"),
        ("project/CHANGELOG.md", "docs/data.md", "data.md"),
        ("project/CONTRIBUTING.md", "ARCHITECTURE.md", "project/ARCHITECTURE.md"),
        ("project/SECURITY.md", "../docs/data.md", "data.md"),
        ("ship-your-model.md", "consumers/web", "consumers/web/index.html"),
        ("data.md", "nowhere.md", None),
        ("data.md", "../../outside.md", None),
    ],
)
def test_links_of_the_repository_lead_into_the_site(hooks, page, link, uri):
    assert hooks.uri_of(link, hooks.home(page)) == uri


def test_every_room_of_public_names_has_a_page(hooks):
    rooms = {room for rooms in hooks.API.values() for room in rooms}
    assert {home.partition(".")[2] for home in homes().values()} <= rooms
