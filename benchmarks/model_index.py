"""Add each model of the index, and score it: size and licence of its package, seconds to add it, PSNR and SSIM.

    python benchmarks/model_index.py Set5 [NAME...]

The seconds contain the download, the import, and the writing and proving of the engine form. ``--tiny`` needs no
network: it adds a model of the tests from a package on this machine.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import click
import report
from real_weights import FIXTURES, crops

from img2imgkit import Catalog, ModelEntry, backend
from img2imgkit.bundle import load
from img2imgkit.evaluation import evaluate, find_scoring, find_set, translated
from img2imgkit.images import encode
from img2imgkit.inference import Translator
from img2imgkit.metrics import SR_MATLAB
from img2imgkit.model_index import add_model
from img2imgkit.places import Places

COLUMNS = ("model", "package", "MB", "licence", "seconds to add", "parameters", "psnr_y", "ssim_y")


def row(entry: ModelEntry, places: Places, pictures: Path, package: Path | None = None) -> Sequence[str]:
    """Add a model and score it at its scale."""
    catalog, began = Catalog.installed(), time.monotonic()
    kept = add_model(entry, catalog, places, [entry.licence.id], package).kept
    seconds = time.monotonic() - began
    bundle = load(kept.folder, catalog)
    translator, scoring = Translator(bundle), find_scoring(catalog, SR_MATLAB)
    reference = find_set(pictures, bundle.manifest.contract.scale)
    mean = evaluate(reference, translated(lambda small: translator.translate(small).picture), scoring).mean
    titles = ", ".join(source.title for source in entry.sources)
    scores = [f"{mean[metric.name]:.{metric.digits}f}" for metric in scoring.metrics]
    parameters = f"{bundle.manifest.weights.parameters:,}"
    return (
        entry.name,
        titles,
        f"{entry.bytes / 1e6:.1f}",
        entry.licence.id,
        f"{seconds:.0f}",
        parameters,
        *scores,
    )


def tiny_row(folder: Path) -> Sequence[str]:
    """Add a model of the tests, and score it on crops of photographs."""
    names = ("srvgg_x2.param", "srvgg_x2.bin")
    files = {name: (FIXTURES / name).read_bytes() for name in names}
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as packed:
        for name in names:
            packed.add(FIXTURES / name, name)
    package, pictures = folder / "package.tgz", folder / "pictures"
    package.write_bytes(stream.getvalue())
    pictures.mkdir()
    for name, picture in crops().items():
        (pictures / name).with_suffix(".png").write_bytes(encode(picture, "PNG").data)
    members = [{"path": name, "bytes": len(data), "sha256": sha256(data).hexdigest()} for name, data in files.items()]
    size, digest = package.stat().st_size, sha256(package.read_bytes()).hexdigest()
    source = {"kind": "web", "url": "https://example.org/package.tgz", "bytes": size, "sha256": digest}
    entry = ModelEntry.model_validate(
        {
            "name": "tiny",
            "about": "A model of the tests.",
            "sources": [{**source, "members": members}],
            "read": names[:1],
            "licence": {"id": "Apache-2.0", "stated_by": "this project"},
        },
        strict=False,
    )
    return row(entry, Places.of_user({"IMG2IMG_HOME": str(folder / "home")}), pictures, package)


def rows(pictures: Path, names: Sequence[str], folder: Path) -> Iterator[Sequence[str]]:
    index, places = Catalog.installed().model_index, Places.of_user({"IMG2IMG_HOME": str(folder)})
    for name in names or index:
        yield row(index[name], places, pictures)


@click.command(help=__doc__)
@click.argument("set5", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.argument("names", nargs=-1)
@report.tiny_option
def main(set5: Path | None, names: tuple[str, ...], tiny: bool) -> None:
    if not tiny and set5 is None:
        raise click.UsageError("name the folder of Set5, or give --tiny")
    backend.load()
    with tempfile.TemporaryDirectory() as made:
        report.show(COLUMNS, [tiny_row(Path(made))] if tiny or set5 is None else rows(set5, names, Path(made)))


if __name__ == "__main__":
    main()
