import inspect
import re

import pytest

from img2imgkit import errors
from img2imgkit.errors import ConfigError, Problem, ToolkitError

CLASSES = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, Exception)]


@pytest.mark.parametrize("error", CLASSES, ids=lambda error: error.__name__)
def test_every_error_derives_from_toolkit_error(error):
    assert issubclass(error, ToolkitError)
    assert (error.__doc__ or "").strip()


def test_the_tree_in_the_docstring_is_the_tree():
    drawn = {}
    for line in inspect.cleandoc(errors.__doc__).splitlines()[1:]:
        if match := re.match(r"( {4}|)([│├└─ ]*)([A-Z]\w+)(\s|$)", line):
            drawn[match[3]] = len(match[2]) // 4
    depths = {error.__name__: len(error.__mro__) - len(ToolkitError.__mro__) for error in CLASSES}
    assert drawn == depths


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("is wrong", "a.b", "x.yaml", 3, 5), "x.yaml:3:5: a.b: is wrong"),
        (Problem("is wrong", "a.b", "--set"), "--set: a.b: is wrong"),
        (Problem("is wrong", "a.b"), "a.b: is wrong"),
        (Problem("is wrong"), "is wrong"),
    ],
)
def test_a_problem_prints_location_key_and_message(problem, text):
    assert str(problem) == text


def test_a_configuration_error_contains_all_problems():
    error = ConfigError(Problem("first", "a"), "second")
    assert [problem.message for problem in error.problems] == ["first", "second"]
    assert str(error) == "a: first\nsecond"
