"""Patterns match what .gitignore patterns match, and never take long."""

import random
import re
from itertools import product

import pytest
from pathspec import GitIgnoreSpec

from img2imgkit.errors import ConfigError
from img2imgkit.steps.patterns import MAX_LENGTH, compile_patterns

NAMES = ("a", "b", "ab", "ba", "a.b", "aab", "abab", "bb")
PATHS = ["/".join(names) for length in (1, 2, 3, 4) for names in product(NAMES[: 9 - 2 * length], repeat=length)]
PIECES = ("a", "b", "*", "**", "/", "?", "[ab]", ".", r"\*", "a*", "/**/", "*/", "!")


def random_pattern(seed: int) -> str:
    draw = random.Random(seed)
    return "".join(draw.choices(PIECES, k=draw.randint(1, 7))).replace("//", "/")


@pytest.mark.parametrize("start", range(0, 1200, 200))
def test_the_same_paths_match_as_by_pathspec(start: int) -> None:
    for seed in range(start, start + 200):
        patterns = tuple(random_pattern(number) for number in (seed, seed + 5000))
        try:
            found = compile_patterns("include", patterns)
        except ConfigError:
            assert any("//" in pattern or set(pattern) <= {"!", "/"} for pattern in patterns)
            continue
        expected = GitIgnoreSpec.from_lines(patterns, backend="simple")
        assert found is not None
        assert [p for p in PATHS if found.match_file(p)] == [p for p in PATHS if expected.match_file(p)], patterns


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 12 + "b", "a" * 250),
        ("**/a/" * 12 + "b", "a/" * 1000 + "c"),
        ("**/*a*a*a/" * 6 + "b", ("a" * 60 + "/") * 30 + "c"),
        ("*?" * 20 + "b", "a" * 250),
        ("[a-c]*" * 20 + "/x", "abc" * 80),
    ],
)
def test_hostile_patterns_end(pattern: str, path: str) -> None:
    """Each would take longer than the age of the universe if wildcards were tried in every combination."""
    spec = compile_patterns("include", (pattern,))
    assert spec is not None
    assert not spec.match_file(path)


def test_a_set_of_characters_contains_no_slash() -> None:
    spec = compile_patterns("include", ("x[!a]y", "[[&~|]z"))
    assert spec is not None
    assert [path for path in ("xby", "x/y", "xay", "[z", "&z", "az") if spec.match_file(path)] == ["xby", "[z", "&z"]


def test_names_with_line_breaks_match() -> None:
    spec = compile_patterns("include", ("/a*/**/*.png",))
    assert spec is not None
    assert spec.match_file("a\nb/c\nd/e\n.png")
    assert not spec.match_file("a/b.png\n")


@pytest.mark.parametrize("pattern", ["[z-a]", "x" * (MAX_LENGTH + 1), "a//b"])
def test_an_invalid_pattern_is_an_error_of_the_option(pattern: str) -> None:
    with pytest.raises(ConfigError, match=re.escape("edits.0.only: ")):
        compile_patterns("edits.0.only", ("*.png", pattern))
