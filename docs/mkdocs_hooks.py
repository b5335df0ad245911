"""What MkDocs needs to know of this repository, beyond the pages in ``docs/``; ``mkdocs.yml`` names this module.

It adds a page for each room of the Python API, the project's own pages (changes, contributing), and every file outside
``docs/`` that a page links to. Links in pages are those of the repository, so that they work there as well.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

import griffe
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "img2imgkit"
LINK = re.compile(r"\]\((?P<path>[^()#\s:]+)(?P<anchor>#[^()\s]*)?\)")
PROJECT = ("CHANGELOG.md", "CONTRIBUTING.md", "ARCHITECTURE.md", ".github/SECURITY.md")
EXAMPLES = sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("examples/**/README.md"))
PAGES = {  # of the site, by files outside ``docs/``
    **{path: f"project/{PurePosixPath(path).name}" for path in PROJECT},
    **{path: path for path in EXAMPLES},
}
DOCTEST = re.compile(r"^>>> .*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)
TWO_NAMES = re.compile(r"^( +)(\w+), (\w+): ", re.MULTILINE)
SHAPES = re.compile(r"^Shapes:\n(?P<lines>(?: {4}.*\n?)+)", re.MULTILINE)
API = {  # the rooms that programs and plugins use, by what they are for
    "Programs": ("scripting", "errors", "images", "inference", "bundle", "evaluation", "training", "pipeline"),
    "Contracts": (
        *("task", "data_kind", "step", "item", "engine", "exchange", "model_entry", "hooks", "testing"),
        *("components", "config", "geometry", "catalog", "backend", "files"),
    ),
    "Networks and losses": (
        *("architectures", "nn", "losses", "image_losses", "adversary", "degradations", "metrics"),
        *("data", "importing", "exporting"),
    ),
}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """List the generated pages that ``nav`` leaves out, and the API pages, at the end of the reference."""
    pages = [{title: [{room: f"api/{room}.md"} for room in rooms]} for title, rooms in API.items()]
    [reference] = [entry["Reference"] for entry in config.nav or () if "Reference" in entry]
    listed = {page for entry in reference for page in entry.values()}
    there = sorted(f"reference/{path.name}" for path in (ROOT / "docs" / "reference").glob("*.md"))
    reference.extend(page for page in there if page not in listed)
    reference.append({"Python API": [{"Names of the package": "api/img2imgkit.md"}, *pages]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages and files that are not in ``docs/``."""
    made = {f"api/{room}.md": api_page(room) for rooms in API.values() for room in rooms}
    made |= {"api/img2imgkit.md": names_page(), **outer_pages()}
    for uri, content in made.items():
        files.append(File.generated(config, uri, content=content))
    pages = [page for page in files.documentation_pages() if page.inclusion is not InclusionLevel.EXCLUDED]
    linked = {path for page in pages for path in outside(page.content_string, home(page.src_uri))}
    for path in sorted(linked):
        files.append(File.generated(config, f"repository/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links to where the files are in the site."""
    place = PurePosixPath(page.file.src_uri).parent

    def pointed(link: re.Match[str]) -> str:
        uri = uri_of(link["path"], home(page.file.src_uri))
        return f"]({relpath(uri, place)}{link['anchor'] or ''})" if uri else link[0]

    return LINK.sub(pointed, markdown)


class Docstrings(griffe.Extension):
    """Shows the examples and the shapes of docstrings. ``mkdocs.yml`` names it under mkdocstrings."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Fence each example of a docstring, give each argument a line of its own, and list the shapes."""
        if obj.docstring:
            text = DOCTEST.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
            text = TWO_NAMES.sub(r"\1\2: see `\3`\n\1\3: ", text) if "Args:" in text else text
            obj.docstring.value = SHAPES.sub(shapes, text)


def shapes(section: re.Match[str]) -> str:
    """The lines of a section as one paragraph, which Markdown reads as text."""
    lines = " ".join(line.strip() for line in section["lines"].splitlines())
    return f"\n**Shapes:** {lines.replace('->', '→').replace('[', chr(92) + '[')}\n"


def uri_of(link: str, folder: PurePosixPath) -> str | None:
    """The page or file of the site that a link means, in a page of that folder of the repository; None: neither."""
    path = normpath(f"{folder}/{link}")
    if path in PAGES:
        return PAGES[path]
    if path == "README.md":
        return "index.md"
    if not (ROOT / path).exists() or path.startswith(".."):
        return None  # MkDocs says which link it is
    if (ROOT / path).is_dir():
        path += "/index.html"
    return path.removeprefix("docs/") if path.startswith("docs/") else f"repository/{path}"


def home(page: str) -> PurePosixPath:
    """The folder of the repository in which a page of the site is written."""
    own = [path for path, uri in PAGES.items() if page == uri]
    return PurePosixPath(*own or ("docs", page)).parent


def outside(markdown: str, folder: PurePosixPath) -> Iterator[str]:
    """The files of the repository outside ``docs/`` that a page links to."""
    for link in LINK.finditer(markdown):
        uri = uri_of(link["path"], folder)
        if uri and uri.startswith("repository/"):
            yield uri.removeprefix("repository/")


def outer_pages() -> dict[str, str]:
    """The pages that are not in ``docs/``."""
    return {uri: (ROOT / path).read_text(encoding="utf-8") for path, uri in PAGES.items()}


@cache
def package() -> griffe.Object:
    """The source as griffe reads it, without importing anything."""
    loaded = griffe.load("img2imgkit", search_paths=[ROOT], resolve_aliases=True)
    assert isinstance(loaded, griffe.Object)
    return loaded


def is_described(name: str) -> bool:
    """Whether griffe finds a thing; it does not follow several assignments in one line, nor lazy imports."""
    try:
        found = package()[name]
        return bool(found.final_target if found.is_alias else found)
    except (KeyError, griffe.AliasResolutionError):
        return False


def api_page(room: str) -> str:
    """The page of a room: its public names, with their docstrings."""
    names = exported(PACKAGE / room / "__init__.py") if (PACKAGE / room).is_dir() else None
    title = f"# img2imgkit.{room}\n\n"
    if names is None:
        return f"{title}::: img2imgkit.{room}\n    options: {{show_root_heading: false, show_root_toc_entry: false}}\n"
    described = [name for name in names if is_described(f"{room}.{name}")]
    others = ", ".join(f"`{name}`" for name in names if name not in described)
    text = "".join(f"::: img2imgkit.{room}.{name}\n\n" for name in described)
    return title + text + (f"## Further names\n\n{others}\n" if others else "")


def names_page() -> str:
    """A table of what ``import img2imgkit as kit`` offers."""
    lines = []
    for name, room in public_names():
        docstring = package()[f"{room}.{name}"].docstring
        about = docstring.value.splitlines()[0].replace("|", "\\|") if docstring else ""
        lines.append(f"| [`kit.{name}`]({room}.md#img2imgkit.{room}.{name}) | {about} |")
    head = "# Names of the package\n\n`import img2imgkit as kit` loads none of them until it is used.\n\n"
    return head + "\n".join(["| name | |", "| --- | --- |", *lines, ""])


def public_names() -> list[tuple[str, str]]:
    """Each name of the package with its room, in alphabetical order."""
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom)]
    return sorted((each.name, str(node.module).partition(".")[2]) for node in imports for each in node.names)


def exported(init: Path) -> list[str]:
    """What ``__all__`` of a package lists."""
    for node in ast.parse(init.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and "__all__" in [getattr(each, "id", "") for each in node.targets]:
            return list(ast.literal_eval(node.value))
    raise ValueError(f"{init}: no __all__ to document")
