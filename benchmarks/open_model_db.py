"""Count the models of OpenModelDB that this toolkit imports, by the architecture and channels that the database states.

    git clone https://github.com/OpenModelDB/open-model-database
    python benchmarks/open_model_db.py open-model-database [--write docs/results/open-model-db.md]

No model is fetched or opened: an entry counts if it offers weights for PyTorch, and its architecture and channels are
among those that ``img2img import`` recognises. The database changes daily: the page states its commit and last date.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import report

from img2imgkit import Catalog

RGB, GREY, RGBA, COLOURED = (3, 3), (1, 1), (4, 4), (1, 3)
EQUAL = {RGB, GREY, RGBA}
FAMILIES = {  # of the database: our architecture, and the channels (read, written) that are imported
    "atd": ("atd", EQUAL),
    "compact": ("srvgg", {*EQUAL, COLOURED}),
    "dat": ("dat", EQUAL),
    "drct": ("drct", EQUAL),
    "edsr": ("edsr", EQUAL),
    "esrgan": ("rrdb", {*EQUAL, COLOURED}),
    "esrgan+": ("rrdb", EQUAL),
    "hat": ("hat", EQUAL),
    "mosr": ("mosr", {*EQUAL, COLOURED}),
    "omnisr": ("omnisr", EQUAL),
    "rcan": ("rcan", EQUAL),
    "real-cugan": ("cunet", {RGB}),
    "realplksr": ("realplksr", EQUAL),
    "realplksr-dysample": ("realplksr", EQUAL),
    "rgt": ("rgt", EQUAL),
    "span": ("span", {*EQUAL, COLOURED}),
    "sr-res-net": ("srresnet", {*EQUAL, COLOURED}),
    "srformer": ("srformer", EQUAL),
    "swinir": ("swinir", EQUAL),
}
RECENT = "2024"  # the first year of the second count
PLACE = "<!-- counts -->"


@dataclass(frozen=True)
class Entry:
    """A model of the database."""

    architecture: str
    channels: tuple[int, int]
    date: str
    platforms: frozenset[str]

    @property
    def is_imported(self) -> bool:
        """Whether its weights are of a network that is imported."""
        known = FAMILIES.get(self.architecture)
        return bool(known and self.channels in known[1] and "pytorch" in self.platforms)


def entries(folder: Path) -> list[Entry]:
    """Read the database."""
    found = []
    for path in sorted((folder / "data" / "models").glob("*.json")):
        stated = json.loads(path.read_text(encoding="utf-8"))
        platforms = frozenset(each["platform"] for each in stated["resources"])
        channels = (stated["inputChannels"], stated["outputChannels"])
        found.append(Entry(stated["architecture"], channels, stated["date"], platforms))
    if not found:
        raise SystemExit(f"{folder}: no data/models/*.json; clone OpenModelDB/open-model-database")
    return found


def rows(found: Sequence[Entry]) -> Iterator[Sequence[str]]:
    """A row for each architecture, the most frequent first, and the sums."""
    names = sorted({each.architecture for each in found}, key=lambda name: (-len(of(found, name)), name))
    for name in names:
        ours = FAMILIES.get(name)
        yield name, f"`{ours[0]}`" if ours else "", *counted(of(found, name))
    yield "all", "", *counted(found)


def of(found: Sequence[Entry], architecture: str) -> list[Entry]:
    return [each for each in found if each.architecture == architecture]


def counted(found: Sequence[Entry]) -> Iterator[str]:
    """Models and imported ones, of all years and of the recent ones."""
    for some in (found, [each for each in found if each.date >= RECENT]):
        imported = sum(each.is_imported for each in some)
        yield str(len(some))
        yield f"{imported} ({imported / len(some):.0%})" if some else ""


def state_of(folder: Path, found: Iterable[Entry]) -> str:
    """The commit of the clone, and the date of its last model."""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    commit = said.stdout.strip() if said.returncode == 0 else "unknown"
    return f"Commit {commit} of the database; its last model is of {max(each.date for each in found)}."


def prove_installed() -> None:
    """Fail if an architecture of the table is not installed."""
    missing = {ours for ours, _ in FAMILIES.values()} - Catalog.installed().architectures.keys()
    if missing:
        raise SystemExit(f"not installed: {', '.join(sorted(missing))}")


def tiny_database(folder: Path) -> None:
    """Write a database of two models."""
    models = folder / "data" / "models"
    models.mkdir(parents=True)
    for name, date in (("esrgan", "2020-01-01"), ("sofvsr", "2025-01-01")):
        stated = {"architecture": name, "inputChannels": 3, "outputChannels": 3, "date": date}
        (models / f"{name}.json").write_text(json.dumps({**stated, "resources": [{"platform": "pytorch"}]}))


def page(folder: Path) -> str:
    found = entries(folder)
    columns = ("architecture", "here", "models", "imported", f"since {RECENT}", "imported")
    return "\n".join((state_of(folder, found), "", *report.table(columns, rows(found)), ""))


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), help="Replace the counts of this page.")
@report.tiny_option
def main(folder: Path | None, write: Path | None, tiny: bool) -> None:
    prove_installed()
    if folder is None and not tiny:
        raise click.UsageError("name the clone of the database, or give --tiny")
    with tempfile.TemporaryDirectory() as made:
        if folder is None:
            tiny_database(folder := Path(made))
        counts = page(folder)
    if write:
        before, _, rest = write.read_text(encoding="utf-8").partition(PLACE)
        write.write_text(f"{before}{PLACE}\n\n{counts}\n{PLACE}{rest.partition(PLACE)[2]}", encoding="utf-8")
    else:
        click.echo(counts)


if __name__ == "__main__":
    main()
