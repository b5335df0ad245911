"""Third-party ONNX files: combine the user's description with what the graph states and what runs show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from img2imgkit.errors import ConfigError
from img2imgkit.inference.engines.interface import Channels, Fit, Interface, Layout, Size, Values, continued
from img2imgkit.inference.exported.describe import LARGEST_SIDE, Describe
from img2imgkit.inference.exported.onnx_ports import DEPTHS, Ports, Shape, layout_of, length, ports_of, shown, wrong
from img2imgkit.inference.exported.onnx_sizes import Sizes, sizes_of
from img2imgkit.task import Geometry

CHANNELS: dict[Channels, int] = {"rgb": 3, "bgr": 3, "grey": 1, "y": 1, "rgba": 4, "bgra": 4}
USUAL: dict[int | None, Channels] = {1: "y", 3: "rgb", 4: "rgba"}


def described(path: Path, model: Any, stated: Describe) -> tuple[Interface, dict[str, Any]]:
    """The interface of a third-party model, and those of its properties that were read, measured or assumed.

    Args:
        model: the result of ``onnx_reader.read_graph``

    Raises:
        ConfigError: the description contradicts the model, or is insufficient.
    """
    known = _Known(path, stated)
    ports = ports_of(path, model, stated)
    start = _start(known, ports)
    sizes = sizes_of(path, model, start, stated)
    return _with_sizes(known, start, sizes), known.taken


@dataclass(frozen=True)
class _Known:
    """What is stated of a model, and what was taken from elsewhere."""

    path: Path
    stated: Describe
    taken: dict[str, Any] = field(default_factory=dict)

    def value(self, name: str, own: Any, usual: bool = False) -> Any:
        """What is stated, or else the model's own or usual value. Raises ConfigError: the model's own is another."""
        wanted = getattr(self.stated, name)
        if wanted is None:
            self.taken[name] = own
            return own
        if own is not None and not usual and wanted != own:
            raise wrong(name, f"{self.path.name} has {own!r}, not {wanted!r}")
        return wanted

    def unusual(self, name: str, own: Any, usual: Any) -> Any:
        """Like ``value``, but what is as usual is not worth a note."""
        if getattr(self.stated, name) is None and own == usual:
            return own
        return self.value(name, own)


def _start(known: _Known, ports: Ports) -> Interface:
    """The inputs and the output, without scale and margin."""
    path, stated, shape, dtype = known.path, known.stated, ports.shape, ports.dtype
    layout = _layout(known, shape)
    depth = length(shape, layout, "c")
    order: Channels = known.value("channels", USUAL.get(depth, "rgb"), usual=True)
    if depth not in (None, CHANNELS[order]):
        raise wrong("channels", f"{path.name} reads {depth} channels, but {order!r} has {CHANNELS[order]}")
    written_as = ports.output_dtype
    if dtype == "uint8" and written_as != "uint8" and stated.values is None and stated.gives is None:
        raise wrong("values", f"{path.name} reads uint8 and writes {written_as}: state the range of the output")
    values: Values = known.value("values", "levels" if dtype == "uint8" else "unit", usual=True)
    if dtype == written_as == "uint8" and values != "levels":
        raise wrong("values", f"{path.name} reads and writes uint8, which cannot be {values!r}")
    mean, std = _numbers(known, "mean", order, dtype), _numbers(known, "std", order, dtype)
    if mean or std:
        known.value("gives", values, usual=True)
    return Interface(
        Geometry(channels=1 if order == "grey" else 3),
        ports.picture.name,
        ports.output.name,
        values,
        layout,
        order,
        dtype,
        size=_fixed(path, shape, layout, stated),
        batch=length(shape, layout, "n"),
        mean=mean,
        std=std,
        gives=stated.gives,
        constants=ports.constants,
        is_described=True,
    )


def _layout(known: _Known, shape: Shape) -> Layout:
    found: Layout | None = known.stated.layout
    own = layout_of(shape)
    if own is None and found is None:
        raise wrong(
            "layout", f"the input of {known.path.name} is {shown(shape)}, which is ambiguous: state nchw or nhwc"
        )
    found = known.value("layout", own)
    if found is None or len(found) != len(shape):
        raise wrong("layout", f"the input of {known.path.name} is {shown(shape)}, which is not {found}")
    return found


def _numbers(known: _Known, name: str, order: Channels, dtype: str) -> tuple[float, ...]:
    """The stated mean or deviation by channel."""
    stated = getattr(known.stated, name)
    if stated is None:
        return ()
    values = stated if isinstance(stated, tuple) else (stated,)
    if len(values) not in (1, CHANNELS[order]):
        raise wrong(name, f"{len(values)} numbers, but {known.path.name} reads {CHANNELS[order]} channels")
    if name == "std" and 0 in values:
        raise wrong(name, "0 cannot divide")
    if dtype == "uint8":
        raise wrong(name, f"{known.path.name} reads uint8, which is levels: leave this out")
    return tuple(map(float, values))


def _fixed(path: Path, shape: Sequence[int | None], layout: Layout, stated: Describe) -> Size | None:
    height, width = length(shape, layout, "h"), length(shape, layout, "w")
    if height is None and width is None:
        if stated.size is None:
            if stated.fit is not None:
                raise wrong("fit", f"{path.name} takes pictures of any size: state 'size', too, or leave this out")
            return None
        height, width = stated.size
    if height is None or width is None or not 1 <= min(height, width) <= max(height, width) <= LARGEST_SIDE:
        raise ConfigError(f"{path}: its input is {height} x {width}, but both must be fixed or both dynamic")
    if stated.size not in (None, (height, width)):
        raise wrong("size", f"{path.name} requires {height}x{width}, not {stated.size}")
    multiple = stated.multiple or 1
    if any(side % multiple or side < stated.minimum for side in (height, width)):
        allowed = f"multiples of {multiple}, at least {stated.minimum},"
        raise wrong("multiple", f"{path.name} requires {height}x{width}, but {allowed} are stated")
    return height, width


def _with_sizes(known: _Known, start: Interface, sizes: Sizes) -> Interface:
    """The interface with what is known of sizes."""
    stated = known.stated
    scale: int = known.value("scale", sizes.scale)
    margin: int = known.unusual("margin", sizes.margin, 0)
    multiple: int = known.unusual("multiple", sizes.multiple, 1)
    more = continued(margin, scale, multiple)[1]
    fit = Fit(start.size, sizes.size) if start.size and sizes.size else None
    if sizes.measured:
        known.taken["measured"] = True
    if fit and stated.fit is None:
        known.taken["fit"] = "resize"
    found = replace(
        start,
        geometry=replace(
            start.geometry,
            scale=scale,
            multiple=1 if fit else multiple,
            radius=None if fit else stated.radius,
            output_channels=_written(known, start, sizes.written),
            minimum=1 if fit else max(1, stated.minimum - more),
        ),
        size=_tile(known, start.size, more, fit),
        batch=start.batch if "n" in sizes.axes and "1" not in sizes.axes else start.batch or 1,
        output_axes=sizes.axes,
        margin=margin,
        multiple=multiple,
        fit=fit,
        as_alpha=stated.as_alpha,
    )
    _refuse(known, found)
    return found


def _tile(known: _Known, size: Size | None, more: int, fit: Fit | None) -> Size | None:
    """Height and width of tiles if they are fixed."""
    if size is None or fit is not None:
        return None
    if min(size) <= more:
        raise wrong("margin", f"{known.path.name} reads {size[0]}x{size[1]} pixels, of which the margin leaves none")
    return size[0] - more, size[1] - more


def _written(known: _Known, start: Interface, written: int) -> int | None:
    """Channels of the output; None: those of the input."""
    order, read = start.channels, CHANNELS[start.channels]
    if written not in DEPTHS or (read == 1 and written != 1 and order == "y"):
        does = f"reads {read} channels as {order!r} and writes {written}"
        raise wrong("channels", f"{known.path.name} {does}: not supported")
    if known.stated.gives == "normalized" and max(len(start.mean), len(start.std)) > written:
        raise wrong("gives", f"{known.path.name} writes {written} channels, and more are in 'mean' or 'std'")
    return None if order == "y" or written == start.geometry.channels else written


def _refuse(known: _Known, found: Interface) -> None:
    """Raises ConfigError: options that do not fit together."""
    name = known.path.name
    if found.as_alpha and (found.geometry.written != 1 or found.geometry.scale != 1 or found.channels in ("grey", "y")):
        raise wrong("as_alpha", f"{name} must read colours and write one channel at scale 1")
    if found.gives == "stretched" and found.size is not None:
        raise wrong("gives", f"'stretched' needs whole pictures, but {name} gets tiles: state 'fit: resize'")
