"""Models in ncnn's two files, written from state dicts with PyTorch's names, as two converters lay them out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

FLOAT16 = b"\x47\x6b\x30\x01"
State = Mapping[str, np.ndarray]


@dataclass
class Model:
    """Layers as they are added: each a kind, what it reads, its parameters, and its bytes of the weight file.

    Attributes:
        plain: as pnnx writes it, with every parameter stated and no fused activation; otherwise as onnx2ncnn does
        half: kernels in half floats
    """

    plain: bool = False
    half: bool = True
    lines: list[tuple[str, list[int], str]] = field(default_factory=list)
    weights: bytes = b""

    def add(self, kind: str, reads: Sequence[int] = (), parameters: str = "", weights: bytes = b"") -> int:
        """The number of the new layer, which is that of its blob."""
        self.lines.append((kind, list(reads), parameters))
        self.weights += weights
        return len(self.lines) - 1

    def convolution(self, x: int, state: State, name: str, slope: float | None = None) -> int:
        """A convolution, and behind or in it a leaky ReLU."""
        kernel, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        stored = FLOAT16 + padded(kernel.astype("<f2").tobytes()) if self.half else bytes(4) + floats(kernel)
        rest = "11=3 2=1 12=1 3=1 13=1 4=1 14=1 15=1 16=1" if self.plain else "4=1"
        text = f"0={len(bias)} 1=3 {rest} 5=1 6={kernel.size}"
        fused = slope is not None and not self.plain
        if fused:
            text += f" 9=2 -23310=1,{slope:e}"
        made = self.add("Convolution", [x], text, stored + floats(bias))
        return made if slope is None or fused else self.add("ReLU", [made], f"0={slope:e}")

    def weakened(self, small: int, x: int) -> int:
        """x + 0.2 small."""
        if self.plain:
            return self.add("BinaryOp", [self.add("BinaryOp", [small], "0=2 1=1 2=2.000000e-01"), x], "0=0")
        return self.add("Eltwise", [small, x], "0=1 -23301=2,2.000000e-01,1.000000e+00")

    def text(self) -> str:
        """The graph's file. Where a blob is read more than once, a split comes between."""
        readers = {number: sum(reads.count(number) for _, reads, _ in self.lines) for number in range(len(self.lines))}
        rows, blobs = [], {}
        for number, (kind, reads, parameters) in enumerate(self.lines):
            names = [blobs[each].pop() for each in reads]
            given = "data" if kind == "Input" else "output" if not readers[number] else f"{number + 100}"
            rows.append(line(kind, f"{kind}_{number}", names, [given], parameters))
            blobs[number] = [given]
            if readers[number] > 1:
                blobs[number] = [f"{given}_splitncnn_{copy}" for copy in range(readers[number])]
                rows.append(line("Split", f"splitncnn_{number}", [given], blobs[number], ""))
        count = sum(int(row.split()[3]) for row in rows)
        return "\n".join(["7767517", f"{len(rows)} {count}", *rows]) + "\n"

    def write(self, path: Path) -> Path:
        """Both files; the graph's path."""
        path.write_text(self.text(), encoding="utf-8")
        path.with_suffix(".bin").write_bytes(self.weights)
        return path


def line(kind: str, name: str, reads: Sequence[str], gives: Sequence[str], parameters: str) -> str:
    return f"{kind:<24} {name:<24} {len(reads)} {len(gives)} {' '.join([*reads, *gives])} {parameters}".rstrip()


def floats(array: np.ndarray) -> bytes:
    return array.astype("<f4").tobytes()


def padded(raw: bytes) -> bytes:
    return raw + bytes(-len(raw) % 4)


def random_state(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, np.ndarray]:
    """Weights that half floats hold exactly, and biases and slopes that they do not."""
    random = np.random.default_rng(seed)
    state = {}
    for name, shape in shapes.items():
        array = random.normal(0, 1 / np.sqrt(9 * shape[1]) if len(shape) == 4 else 0.1, shape).astype(np.float32)
        state[name] = array.astype(np.float16).astype(np.float32) if len(shape) == 4 else array
    return state


def convolutions(widths: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, ...]]:
    """Shapes of kernels and biases of convolutions, by name, from inputs and outputs."""
    kernels = {f"{name}.weight": (outputs, inputs, 3, 3) for name, (inputs, outputs) in widths.items()}
    return kernels | {f"{name}.bias": (outputs,) for name, (_, outputs) in widths.items()}


def rrdb_state(blocks: int = 1, width: int = 4, growth: int = 2, unshuffle: int = 1) -> dict[str, np.ndarray]:
    widths = {"conv_first": (3 * unshuffle**2, width)}
    for block in range(blocks):
        for dense in (1, 2, 3):
            inputs = [width + growth * number for number in range(5)]
            widths |= {f"body.{block}.rdb{dense}.conv{n + 1}": (inputs[n], growth) for n in range(4)}
            widths[f"body.{block}.rdb{dense}.conv5"] = (inputs[4], width)
    widths |= dict.fromkeys(("conv_body", "conv_up1", "conv_up2", "conv_hr"), (width, width))
    return random_state(convolutions(widths | {"conv_last": (width, 3)}))


def rrdb_model(state: State, plain: bool = False, half: bool = True, unshuffle: int = 1) -> Model:
    """RRDBNet."""
    model = Model(plain, half)
    x = model.add("Input")
    x = model.add("Reorg", [x], f"0={unshuffle}") if unshuffle > 1 else x
    first = body = model.convolution(x, state, "conv_first")
    for block in range(sum(name.endswith("rdb1.conv1.bias") for name in state)):
        inner = body
        for dense in (1, 2, 3):
            name, known, joined = f"body.{block}.rdb{dense}", [inner], inner
            for number in (1, 2, 3, 4):
                known.append(model.convolution(joined, state, f"{name}.conv{number}", 0.2))
                joined = model.add("Concat", known, "0=0" if plain else "")
            inner = model.weakened(model.convolution(joined, state, f"{name}.conv5"), inner)
        body = model.weakened(inner, body)
    x = model.add("BinaryOp", [first, model.convolution(body, state, "conv_body")], "0=0" if plain else "")
    for name in ("conv_up1", "conv_up2"):
        x = model.convolution(model.add("Interp", [x], "0=1 1=2.000000e+00 2=2.000000e+00"), state, name, 0.2)
    model.convolution(model.convolution(x, state, "conv_hr", 0.2), state, "conv_last")
    return model


def srvgg_state(scale: int = 2, depth: int = 1, width: int = 4, slopes: bool = True) -> dict[str, np.ndarray]:
    widths = {f"body.{2 * number}": (width if number else 3, width) for number in range(depth + 1)}
    shapes = convolutions(widths | {f"body.{2 * depth + 2}": (width, 3 * scale**2)})
    return random_state(shapes | ({f"body.{2 * n + 1}.weight": (width,) for n in range(depth + 1)} if slopes else {}))


def srvgg_model(state: State, half: bool = True, slope: float = 0.1, after: float | None = None) -> Model:
    """SRVGGNetCompact; a leaky ReLU where the state has no slopes, and a last bicubic resize on request."""
    model = Model(half=half)
    source = x = model.add("Input")
    names = sorted((name.removesuffix(".bias") for name in state if name.endswith(".bias")), key=lambda n: int(n[5:]))
    for number, name in enumerate(names[:-1]):
        slopes = state.get(f"body.{2 * number + 1}.weight")
        x = model.convolution(x, state, name, slope if slopes is None else None)
        x = x if slopes is None else model.add("PReLU", [x], f"0={len(slopes)}", floats(slopes))
    x = model.convolution(x, state, names[-1])
    scale = int(np.sqrt(len(state[f"{names[-1]}.bias"]) // 3))
    if scale > 1:
        x = model.add("PixelShuffle", [x], f"0={scale}")
        source = model.add("Interp", [source], f"0=1 1={scale:e} 2={scale:e}")
    x = model.add("BinaryOp", [x, source])
    if after is not None:
        model.add("Interp", [x], f"0=3 1={after:e} 2={after:e}")
    return model


def upconv7_state(scale: int = 2, width: int = 4) -> dict[str, np.ndarray]:
    """UpConv7 of waifu2x, or VGG7 for scale 1; PyTorch's transposed convolution has its inputs first."""
    shapes = convolutions({f"net.{2 * number}": (width if number else 3, width) for number in range(6)})
    last = (width, 3, 4, 4) if scale == 2 else (3, width, 3, 3)
    return random_state({**shapes, "net.12.weight": last, "net.12.bias": (3,)})


def upconv7_model(state: State, stated: bool = False) -> Model:
    """UpConv7: as ncnn's tools write it, or with its defaults stated."""
    model = Model()
    x = model.add("Input")
    more = "2=1 3=1 4=0 " if stated else ""
    for number in range(7):
        kernel, bias = state[f"net.{2 * number}.weight"], state[f"net.{2 * number}.bias"]
        size, doubled = kernel.shape[-1], kernel.shape[-1] == 4
        stored = kernel.swapaxes(0, 1) if doubled else kernel  # ncnn's layout has the outputs first
        rest = "3=2 4=3 " if doubled else more
        text = f"0={len(bias)} 1={size} {rest}5=1 6={kernel.size}" + (" 9=2 -23310=1,0.1" if number < 6 else "")
        weights = FLOAT16 + padded(stored.astype("<f2").tobytes()) + floats(bias)
        x = model.add("Deconvolution" if doubled else "Convolution", [x], text, weights)
    return model
