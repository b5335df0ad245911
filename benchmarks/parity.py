"""How far this toolkit's numbers are from those of the official PyTorch code, as a Markdown page.

    python benchmarks/parity.py FOLDER [--sections networks ...] > docs/results/parity.md

FOLDER holds one folder per fixture: weights as the official code saved them, inputs, and the outputs that it computed.
Every ``parity_<section>.py`` beside this file is a section: a docstring that says what is compared, ``COLUMNS``, and
``rows(folder)``, which yields one tuple of texts per comparison.
"""

from __future__ import annotations

import argparse
import importlib.util
import platform
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from img2imgkit import backend


def sections() -> dict[str, Path]:
    """The files of the sections by name."""
    return {path.stem.removeprefix("parity_"): path for path in sorted(Path(__file__).parent.glob("parity_*.py"))}


def load(name: str, path: Path) -> ModuleType:
    """A section's module."""
    spec = importlib.util.spec_from_file_location(f"parity_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page(folder: Path, wanted: list[str]) -> Iterator[str]:
    """The page, line by line."""
    yield "# Parity with the official code\n"
    libraries = f"TensorFlow {version('tensorflow')}, Keras {version('keras')}"
    yield f"Made by `python benchmarks/parity.py FOLDER` with {libraries} on {platform.machine()}, in float32.\n"
    for name in wanted:
        module = load(name, sections()[name])
        yield f"## {name.replace('_', ' ').capitalize()}\n"
        yield f"{module.__doc__}\n"
        yield f"| {' | '.join(module.COLUMNS)} |"
        yield f"|{'---|' * len(module.COLUMNS)}"
        for row in module.rows(folder):
            yield f"| {' | '.join(row)} |"
        yield ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sections", nargs="+", choices=list(sections()), default=list(sections()))
    arguments = parser.parse_args()
    backend.load()
    for line in page(arguments.folder, arguments.sections):
        print(line, flush=True)


if __name__ == "__main__":
    main()
