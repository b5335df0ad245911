"""Patterns of .gitignore that are matched in a time that grows with the length of the path, and no faster.

pathspec parses the patterns, but its regular expressions try every way to divide a path among the wildcards: a pattern
such as ``*a*a*a*a*b`` takes minutes for one long name. Here each wildcard but the last ends at the first place where
what follows it fits, and is never tried again. No match is lost, because what follows a wildcard has a fixed length, in
characters within a name and in names within a path: an earlier place only leaves more to the wildcards after it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from img2imgkit.errors import ConfigError, Problem

MAX_LENGTH = 1000  # characters of a pattern

# What pathspec's regular expressions consist of: wildcards, their ends, sets of characters, and single characters.
_FOLDERS, _INNER, _STAR, _NAME, _SLASH = "(?:.+/)?", "(?:/.+)?", "[^/]*", "[^/]+", "/"
_WHOLE, _INSIDE = "(?:(?P<ps_d>/)|$)", "(?P<ps_d>/)"
_TOKEN = re.compile(
    "|".join(map(re.escape, (_FOLDERS, _INNER, _STAR, _NAME, _WHOLE, _INSIDE))) + r"|\[\^?\]?(?:\\.|[^\]\\])*\]|\\.|.",
    re.DOTALL,
)
_ANY_FOLDERS = "(?:[^/]++/)*"


class _Pattern(GitIgnoreSpecPattern):
    """A pattern whose regular expression does not backtrack."""

    __slots__ = ()

    @classmethod
    def pattern_to_regex(cls, pattern):  # type: ignore[no-untyped-def]
        regex, include = super().pattern_to_regex(pattern)
        return regex and linear(regex), include


def compile_patterns(option: str, patterns: Sequence[str]) -> GitIgnoreSpec | None:
    """Compile .gitignore patterns; None if there are none. Raises ConfigError for invalid or very long patterns."""
    for pattern in patterns:
        if len(pattern) > MAX_LENGTH:
            problem = f"a pattern has {len(pattern)} characters; at most {MAX_LENGTH} are allowed"
            raise ConfigError(Problem(problem, option))
        if "//" in pattern and not pattern.startswith("#"):
            problem = f"{pattern!r}: has an empty name between two slashes, and would match nothing"
            raise ConfigError(Problem(problem, option))
    try:
        return GitIgnoreSpec.from_lines(patterns, _Pattern, backend="simple") if patterns else None
    except re.error as error:
        raise ConfigError(Problem(f"a pattern has an invalid set of characters: {error}", option)) from error
    except ValueError as error:
        raise ConfigError(Problem(str(error), option)) from error


def linear(regex: str) -> str:
    """Rewrite a regular expression of pathspec so that it matches the same paths without backtracking."""
    *tokens, end = _TOKEN.findall(regex.removeprefix("^"))
    if not tokens:
        return regex  # of a pattern such as "*": any path, or any path in a folder
    anywhere = tokens[0] == _FOLDERS
    *before, last = _divided(tokens[1:] if anywhere else tokens, _INNER)
    found = "^"
    for group in before:
        names = _names(group)
        found += f"(?>{_ANY_FOLDERS}?{names}/)" if anywhere else f"{names}/"
        anywhere = True
    return found + (_ANY_FOLDERS if anywhere else "") + _names(last) + end.replace("$", r"\Z")


def _names(tokens: Sequence[str]) -> str:
    """The expression of adjacent names; the slash after an inner wildcard is part of the wildcard."""
    return "/".join(_name(name) for name in _divided(tokens[1:] if tokens[0] == _SLASH else tokens, _SLASH))


def _name(tokens: Sequence[str]) -> str:
    if list(tokens) == [_NAME]:
        return "[^/]++"
    first, *rest = ("".join(map(_character, piece)) for piece in _divided(tokens, _STAR))
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>[^/]*?{piece})" for piece in middle if piece) + rf"(?>[^/]*{last}(?=/|\Z))"


def _character(token: str) -> str:
    """The expression of one character. A set of characters never contains the slash."""
    if len(token) > 2 and token.startswith("["):
        return "(?!/)[" + re.sub(r"(\\.)|([\[&~|])", lambda found: found[1] or f"\\{found[2]}", token[1:])
    return token


def _divided(tokens: Sequence[str], separator: str) -> Iterator[list[str]]:
    piece: list[str] = []
    for token in tokens:
        if token == separator:
            yield piece
            piece = []
        else:
            piece.append(token)
    yield piece
