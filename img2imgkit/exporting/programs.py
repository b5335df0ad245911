"""A bundle's programs: functions of named tensors that software without img2imgkit can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from img2imgkit.bundle import Bundle
from img2imgkit.errors import ConfigError
from img2imgkit.exchange import ENCODER, Arrays, Port, Program, argument
from img2imgkit.exporting.export_options import ImageIo, Layout, Pictures, Size, legal_size
from img2imgkit.exporting.network_programs import network_programs
from img2imgkit.formats.converting import unread
from img2imgkit.inference import Conditioning, conditioning, conditions_of, encode_pictures, encoded_conditions
from img2imgkit.inference.inputs.conditions import LABEL, blank
from img2imgkit.task import Condition, Geometry, Networks, Task

IMAGE, OUTPUT, CODE = "image", "output", "code"


def programs_of(
    bundle: Bundle,
    choices: Mapping[str, Any] | None = None,
    image_io: ImageIo = "signed",
    layout: Layout = "nhwc",
    size: Size | None = None,
) -> tuple[Program, ...]:
    """All programs of a bundle: "translate", "encode_<condition>", and the single networks, "network_<role>".

    "translate" reads "image", or "label" if the task reads a label map, and the other inputs of ``Task.translate``
    under the same names; it returns "output". Encoders read "image" and return "code".

    Args:
        choices: choices of the task, which are built into the programs
        image_io: range of pictures; maps, codes and inputs of single networks are not affected
        layout: order of the axes of pictures, likewise
        size: fixed height and width, which also fixes the batch to one picture

    Raises:
        ConfigError: the task does not have these choices, or cannot translate that size.
        ExportError: the translation cannot be traced.
    """
    maker = _Maker(bundle.choosing(choices or {}), Pictures(image_io, layout), size)
    programs = (*maker.whole(), *network_programs(maker.bundle, maker.run_task, size))
    return programs if size is None else tuple(map(_of_one_picture, programs))


def engine_programs(bundle: Bundle) -> tuple[Program, ...]:
    """The programs of a bundle's engine form: "translate" and "encode_<condition>", with the choices of its task.

    Raises:
        ExportError: the translation cannot be traced.
    """
    return _Maker(bundle, Pictures(), None).whole()


@dataclass(frozen=True)
class _Maker:
    """Builds the programs of one bundle."""

    bundle: Bundle
    pictures: Pictures
    size: Size | None

    def __post_init__(self) -> None:
        unit, least = self.geometry.multiple, self.geometry.minimum
        if self.size and any(side % unit or side < least for side in self.size):
            height, width = self.size
            needs = f"{self.bundle.manifest.name} needs multiples of {unit}, at least {least}"
            raise ConfigError(f"size {height}x{width}: {needs}")

    @property
    def task(self) -> Task:
        return self.bundle.task

    @property
    def geometry(self) -> Geometry:
        return self.task.geometry()

    @property
    def first(self) -> str:
        """The name of the input that is translated."""
        return LABEL if self.task.geometry().ids is not None else IMAGE

    def whole(self) -> tuple[Program, ...]:
        """The translation and all encoders."""
        encoders = [self.encoder(name, each.size) for name, each in encoded_conditions(self.task).items()]
        return (self.translation(), *encoders)

    def translation(self) -> Program:
        """The program "translate"."""
        geometry, (height, width) = self.geometry, self.size or (None, None)
        known = blank(self.task, self.bundle.nets, *(self.size or legal_size(geometry)))
        inputs = (self._source_port(height, width), *self._condition_ports(known, height, width))
        whole = Program(
            name="translate",
            inputs=inputs,
            outputs=(
                self.pictures.port(
                    OUTPUT,
                    height and height * geometry.scale,
                    width and width * geometry.scale,
                    geometry.written,
                    geometry.scale,
                ),
            ),
            call=self._translated,
            sample=lambda *asked: self._sample(known, *asked),
            multiple=geometry.multiple,
            minimum=geometry.minimum,
            scale=geometry.scale,
            size=self.size,
        )
        return _without(whole, unread(whole) - {self.first})

    def encoder(self, condition: str, size: int | None) -> Program:
        """The program that encodes pictures for a condition."""
        channels = self.geometry.written
        code = np.asarray(encode_pictures(self.task, self.bundle.nets, condition, self._noise(0, size or 32, channels)))
        port = self.pictures.port(IMAGE, size, size, channels)
        if size:
            port = replace(port, meaning=f"{port.meaning}, resized to {size}x{size}")

        def sample(random: np.random.Generator, count: int, height: int, width: int) -> Arrays:
            levels = random.integers(0, 256, (count, size or height, size or width, channels)).astype(np.uint8)
            return {IMAGE: self.pictures.of_levels(levels)}

        return Program(
            name=f"{ENCODER}{condition}",
            inputs=(port,),
            outputs=(Port(CODE, (None, code.shape[1]), "float32", f"the code for {condition!r}", ("batch", "")),),
            call=lambda given: {
                CODE: encode_pictures(self.task, self.bundle.nets, condition, self.pictures.read(given[IMAGE]))
            },
            sample=sample,
            scale=None,
            size=(size, size) if size else None,
        )

    def run_task(self, random: np.random.Generator, count: int, height: int, width: int, nets: Networks) -> None:
        """Run the translation and all encoders once with ``nets``."""
        known = blank(self.task, self.bundle.nets, height, width)
        given = self._sample(known, random, count, height, width)
        self.task.translate(nets, self._inputs(given))
        for name, each in encoded_conditions(self.task).items():
            pixels = random.uniform(-1, 1, (count, each.size or height, each.size or width, self.geometry.written))
            encode_pictures(self.task, nets, name, pixels.astype(np.float32))

    def _translated(self, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return {OUTPUT: self.pictures.write(self.task.translate(self.bundle.nets, self._inputs(given)))}

    def _inputs(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Convert a program's inputs to those of the task."""
        source = given[self.first]
        source = source if self.first == LABEL else self.pictures.read(source)
        return {**{name: each for name, each in given.items() if name != self.first}, "source": source}

    def _source_port(self, height: int | None, width: int | None) -> Port:
        if self.first == LABEL:
            last = (self.geometry.ids or 1) - 1
            void = f", where {last} means 'no class'" if self.geometry.unknown else ""
            return _map_port(LABEL, (height, width, 1), f"ids of classes, 0 to {last}{void}")
        return self.pictures.port(IMAGE, height, width, self.geometry.channels)

    def _condition_ports(self, known: Conditioning, height: int | None, width: int | None) -> Sequence[Port]:
        conditions = conditions_of(self.task)
        about = {name: condition.description for name, condition in conditions.items()}
        others = _values(conditions)
        maps = [
            _map_port(name, (height, width, each.shape[-1]), about.get(name, others))
            for name, each in known.maps.items()
        ]
        vectors = []
        for name, vector in known.vectors.items():
            meaning = about.get(name, others)
            if name in conditions and conditions[name].kind == "pictures":
                meaning = f"the code that {ENCODER}{name} returns, or the mean of several: {meaning}"
            if argument(name) != name:
                meaning = f"{meaning}; named {argument(name)!r} in formats whose inputs are keyword arguments"
            vectors.append(Port(name, (None, len(vector)), "float32", meaning, ("batch", "")))
        return [*maps, *vectors]

    def _sample(self, known: Conditioning, random: np.random.Generator, count: int, height: int, width: int) -> Arrays:
        each = [self._one(known, random, height, width) for _ in range(count)]
        return {name: np.stack([one[name] for one in each]) for name in each[0]}

    def _one(self, known: Conditioning, random: np.random.Generator, height: int, width: int) -> Arrays:
        """Random inputs for one picture: valid ids, codes from the normal distribution."""
        given: dict[str, Any] = {}
        for name, condition in conditions_of(self.task).items():
            if condition.kind == "map":
                given[name] = random.integers(0, self.geometry.ids or 2, (height, width)).astype(np.int32)
            if condition.kind == "pictures":
                given[name] = random.standard_normal(len(known.vectors[name])).astype(np.float32)
            if condition.values and condition.parse:
                given[name] = condition.parse(str(random.choice(condition.values)))
        found = conditioning(self.task, given, (height, width))
        shape = (1, height, width, self.geometry.channels)
        levels = random.integers(0, 256, shape).astype(np.uint8)
        source = given[LABEL][..., None] if self.first == LABEL else self.pictures.of_levels(levels)[0]
        arrays = {**found.maps, **found.vectors}
        floats = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
        return {**floats, self.first: source.astype(np.float32) if self.first == LABEL else source}

    @staticmethod
    def _noise(seed: int, side: int, channels: int) -> np.ndarray:
        noise = np.random.default_rng(seed).uniform(-1, 1, (1, side, side, channels))
        return noise.astype(np.float32)


def _of_one_picture(program: Program) -> Program:
    """The program for a batch of one."""
    ports = ([_of_one(port) for port in each] for each in (program.inputs, program.outputs))
    inputs, outputs = map(tuple, ports)
    return replace(program, inputs=inputs, outputs=outputs)


def _of_one(port: Port) -> Port:
    return replace(port, shape=(1, *port.shape[1:]), axes=("", *port.axes[1:]))


def _values(conditions: Mapping[str, Condition]) -> str:
    """Describe an input that the task computes from values."""
    named = {name: condition for name, condition in conditions.items() if condition.kind in ("value", "attributes")}
    listed = [
        f"{name} ({', '.join(condition.values)})" if condition.values else name for name, condition in named.items()
    ]
    return f"the task's encoding of {', '.join(listed)}" if listed else "the task's encoding of its other inputs"


def _map_port(name: str, shape: tuple[int | None, int | None, int], meaning: str) -> Port:
    axes = ("batch", "" if shape[0] else "height", "" if shape[1] else "width", "")
    return Port(name, (None, *shape), "float32", meaning, axes)


def _without(program: Program, left_out: set[str]) -> Program:
    """The program without inputs that it does not read."""
    if not left_out:
        return program
    kept = tuple(port for port in program.inputs if port.name not in left_out)
    gone = [port for port in program.inputs if port.name in left_out]
    first = program.inputs[0]

    def call(given: Mapping[str, Any]) -> Mapping[str, Any]:
        return program.call({**given, **{port.name: _zeros(port, given[first.name]) for port in gone}})

    def sample(*asked: Any) -> Arrays:
        return {name: each for name, each in program.sample(*asked).items() if name not in left_out}

    return replace(program, inputs=kept, call=call, sample=sample)


def _zeros(port: Port, like: Any) -> Any:
    """Zeros in the shape of an input."""
    import tensorflow as tf

    sizes = tf.shape(like)
    return tf.zeros([sizes[axis] if size is None else size for axis, size in enumerate(port.shape)], tf.float32)
