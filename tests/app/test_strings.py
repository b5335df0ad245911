"""The texts of the page: each is there, in each language, and nothing else puts text into the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from img2imgkit.app.routes import STATIC, languages

SCRIPTS = sorted(STATIC.glob("*.js"))
ENGLISH = json.loads((STATIC / "strings" / "en.json").read_text("utf-8"))
FORMS = (".one", ".few", ".many", ".other")


def base(key: str) -> str:
    return next((key.removesuffix(form) for form in FORMS if key.endswith(form)), key)


def texts(language: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((STATIC / "strings" / f"{language}.json").read_text("utf-8"))
    return found


def used() -> set[str]:
    found = set()
    for path in (*SCRIPTS, STATIC / "page.html"):
        text = path.read_text("utf-8")
        found |= set(re.findall(r"""\bt\(\s*["']([\w.]+)["']""", text))
        found |= set(re.findall(r'data-(?:text|label)="([\w.]+)"', text))
    return found


def test_every_text_that_the_page_asks_for_exists() -> None:
    assert len(used()) > 60
    assert used() - {base(key) for key in ENGLISH} == set()


def test_no_text_is_left_over() -> None:
    computed = ("state.", "size.", "precision.")
    left = {base(key) for key in ENGLISH} - used() - {"batches", "translate"}
    assert [key for key in left if not key.startswith(computed)] == []


@pytest.mark.parametrize("language", languages())
def test_each_language_is_complete_and_fills_in_the_same_values(language: str) -> None:
    found = texts(language)
    assert {base(key) for key in found} == {base(key) for key in ENGLISH}
    for key, text in found.items():
        english = ENGLISH.get(key) or ENGLISH[f"{base(key)}.other"]
        assert set(re.findall(r"{\w+}", text)) == set(re.findall(r"{\w+}", english)), key


def test_there_is_a_second_language() -> None:
    assert {"de", "en"} <= {*languages()}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_make_no_html_of_texts_and_stay_on_this_machine(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
    assert not re.findall(r"https?://", text)


def test_the_html_has_no_script_or_style_of_its_own() -> None:
    for path in STATIC.glob("*.html"):
        text = path.read_text("utf-8")
        assert not re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|https?://", text)
