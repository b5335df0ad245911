"""Name templates."""

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from img2imgkit.item import Entry
from img2imgkit.steps.naming import Template


def entry(relative: str = "a/b/photo.v2.JPG", index: int = 7) -> Entry:
    return Entry(f"/in/{relative}", PurePosixPath(relative), index, 1, "1")


FACTS = {"task": "super-resolution", "model": "sr-x2", "scale": 2}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{relpath}/{stem}.png", "a/b/photo.v2.png"),
        ("{stem}_{model}_{scale}x.{ext}", "photo.v2_sr-x2_2x.JPG"),
        ("{index:04d}-{task}", "0007-super-resolution"),
        ("flat", "flat"),
        ("{stem}-{width}x{height}", "photo.v2-{width}x{height}"),
    ],
)
def test_fills_every_field(template: str, name: str) -> None:
    assert str(Template(template).fill(entry(), FACTS, "JPG")) == name


def test_a_file_at_the_top_has_no_folder() -> None:
    assert str(Template("{relpath}/{stem}").fill(entry("x.png"), {}, "png")) == "x"


def test_an_empty_name_becomes_an_underscore() -> None:
    assert str(Template("{relpath}").fill(entry("x.png"), {}, "png")) == "_"
    assert str(Template("{relpath}/{stem}").fill(entry("a/...png"), {}, "png")) == "a/_"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{stam}", "did you mean 'stem'?"),
        ("{stem", "is not a valid template"),
        ("{}", "unknown field {}"),
        ("../{stem}", "is outside the output folder"),
        ("/abs/{stem}", "is outside the output folder"),
        ("C:/{stem}", "is outside the output folder"),
        ("{model}", "set by a translate step"),
        ("{stem:>200}", "format of {stem}"),
        ("{index!r}", "format of {index}"),
        ("{index:999999d}", "format of {index}"),
        ("/", "the template is empty"),
        ("a\0{stem}", "null character"),
    ],
)
def test_problems_are_named(template: str, problem: str) -> None:
    assert any(problem in text for text in Template(template).problems({}))


def test_a_valid_template_has_no_problems() -> None:
    assert not list(Template("{relpath}/{stem}_{model}_{index:03d}.{ext}").problems(FACTS))


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_a_name_is_never_outside_the_folder(model: str, stem: str) -> None:
    name = Template("{model}/{stem}").fill(entry("a/" + stem.replace("/", "_") + ".png"), {"model": model}, "png")
    assert ".." not in name.parts
    assert not name.is_absolute()
