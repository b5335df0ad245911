"""What the pages show, for tests that run it: blocks by language, files by their titles, commands one by one."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("tutorials/*.md")))
BLOCK = re.compile(r"^```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = ("", "sh", "console")
SETTING = re.compile(r"[A-Z_]+=")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page; its title, if it has one, is the name of the file that it shows."""

    language: str
    title: str | None
    text: str


def blocks(page: Path, *languages: str) -> list[Block]:
    """The fenced blocks of a page, in order; all of them without a language."""
    found = [Block(*each.groups()) for each in BLOCK.finditer(page.read_text(encoding="utf-8"))]
    return [block for block in found if not languages or block.language in languages]


def commands(block: Block) -> Iterator[list[str]]:
    """The commands of a block as words, without comments, prompts and settings of the environment.

    Of lines that pass on their output, only the first command comes; of blocks with prompts, only lines that have one.
    """
    lines = block.text.replace("\\\n", " ").splitlines()
    prompted = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    for line in prompted or lines:
        words = shlex.split(line, comments=True)
        while words and SETTING.match(words[0]):
            words = words[1:]
        ends = [index for index, word in enumerate(words) if word in (">", "|", "&&")]
        if words:
            yield words[: min(ends, default=len(words))]


def own_commands(page: Path) -> Iterator[list[str]]:
    """The arguments of every ``img2img`` that a page calls in a block."""
    for block in blocks(page, *SHELL):
        if re.search(r"^(\$ |\s)*(\S*/)?img2img ", block.text, re.MULTILINE):
            for words in commands(block):
                if Path(words[0]).name == "img2img":
                    yield words[1:]


def inline_commands(page: Path) -> Iterator[list[str]]:
    """The arguments of every ``img2img`` within a page's sentences and tables."""
    for text in re.findall(r"`img2img ([^`]+)`", BLOCK.sub("", page.read_text(encoding="utf-8"))):
        yield shlex.split(text)
