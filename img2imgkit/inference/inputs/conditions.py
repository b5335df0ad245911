"""Conditions: convert a user's inputs other than the picture to the arrays that ``Task.translate`` reads."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from img2imgkit.config import suggestion
from img2imgkit.errors import ConfigError, TranslateError
from img2imgkit.images import Picture, resize, to_grey, to_rgb, to_srgb, to_unit
from img2imgkit.inference.inputs.channels import without_hidden_colours
from img2imgkit.inference.tiles.grid import region
from img2imgkit.task import Condition, Conditional, Geometry, Networks, Task, Tensor

if TYPE_CHECKING:
    from img2imgkit.inference.tiles.grid import Span

LABEL = "label"  # the label map that a task with ``Geometry.ids`` reads in place of the picture
VOID = 255  # the id of pixels without a class in 8-bit label maps
Place = tuple["Span", "Span"]  # rows and columns of a tile
Encode = Callable[[str, np.ndarray], np.ndarray]  # see ``Runner.encode``


class Translates(Protocol):
    """The properties of a task that a Translator reads, without networks and losses.

    See ``task.Task``, and ``conditions_of`` for its conditions.
    """

    @property
    def name(self) -> str: ...

    @property
    def data(self) -> str: ...

    @property
    def keeps_grey(self) -> bool: ...

    @property
    def choices(self) -> Any: ...

    def geometry(self) -> Geometry: ...


@dataclass(frozen=True)
class Conditioning:
    """The arrays that condition a translation.

    Shapes:
        maps: (H, W, C) of the picture's size, cut into tiles with it
        vectors: (D,), the same for every tile
    """

    maps: Mapping[str, np.ndarray] = field(default_factory=dict)
    vectors: Mapping[str, np.ndarray] = field(default_factory=dict)

    def at(self, places: Sequence[Place]) -> dict[str, np.ndarray]:
        """The arrays for a batch of tiles. Shapes: (tiles, h, w, C) and (tiles, D), float32."""
        found = {
            name: np.stack([region(whole, (r.start, r.stop), (c.start, c.stop)) for r, c in places])
            for name, whole in self.maps.items()
        }
        found |= {name: np.repeat(vector[None], len(places), axis=0) for name, vector in self.vectors.items()}
        return {name: np.asarray(array, np.float32) for name, array in found.items()}


def chosen(task: Translates) -> dict[str, Any]:
    """A task's choices that differ from the defaults."""
    found: dict[str, Any] = task.choices.model_dump(mode="json", exclude_defaults=True)
    return found


def conditions_of(task: Translates) -> dict[str, Condition]:
    """The conditions of a task, including the label map if it reads one in place of the picture."""
    label = {LABEL: Condition("map", "ids of classes", required=True)} if task.geometry().ids is not None else {}
    return {**label, **(task.conditions() if isinstance(task, Conditional) else {})}


def encoded_conditions(task: Translates) -> dict[str, Condition]:
    """The conditions of kind "pictures", which the task encodes."""
    return {name: each for name, each in conditions_of(task).items() if each.kind == "pictures"}


def encode_pictures(task: Task, nets: Networks, condition: str, pictures: Tensor) -> Tensor:
    """Encode each picture, see ``Conditional.encode``.

    Raises:
        ConfigError: the task encodes no pictures.
    """
    if not isinstance(task, Conditional):
        raise ConfigError(f"task {task.name!r} has no condition {condition!r} to encode pictures for; it has none")
    return task.encode(nets, condition, pictures)


def parse_condition(task: Translates, name: str, value: Any) -> Any:
    """Parse the stated value of a condition.

    Raises:
        ConfigError: there is no such condition, or the value is invalid.
    """
    prove_known(task, name)
    parse = conditions_of(task)[name].parse
    try:
        return parse(value) if parse else value
    except ValueError as error:
        raise ConfigError(f"input {name!r} of task {task.name!r}: {error}") from None


def conditioning(task: Translates, given: Mapping[str, Any], size: tuple[int, int]) -> Conditioning:
    """The arrays that condition the translation of a picture of ``size`` (height, width), without its label map.

    Args:
        given: by condition: maps (H, W) or (H, W, 1) of ids, codes (D,), parsed values

    Raises:
        ConfigError: the task does not have one of the conditions.
        TranslateError: a condition is missing, a map has another size, or the task rejects a value.
    """
    conditions = conditions_of(task)
    prove_given(task, given)
    for name in given:
        prove_known(task, name)
    kinds: dict[str, dict[str, Any]] = {kind: {} for kind in ("map", "pictures", "value", "attributes")}
    for name, value in given.items():
        kinds[conditions[name].kind][name] = _map(name, value, size) if conditions[name].kind == "map" else value
    try:
        stated = {**kinds["map"], **kinds["value"], **kinds["attributes"]}
        arrays = task.condition_arrays(stated) if isinstance(task, Conditional) else {}
    except ValueError as error:
        raise TranslateError(f"task {task.name!r}: {error}") from None
    maps = {name: ids for name, ids in kinds["map"].items() if name != LABEL}
    maps |= {name: array for name, array in arrays.items() if array.ndim == 3}
    vectors = {name: array for name, array in arrays.items() if array.ndim == 1}
    vectors |= {name: np.asarray(code, np.float32) for name, code in kinds["pictures"].items()}
    return Conditioning(maps, vectors)


def prove_known(task: Translates, name: str) -> None:
    """Raises ConfigError: the task has no condition of that name."""
    conditions = conditions_of(task)
    if name not in conditions:
        known = f"it has {', '.join(conditions)}" if conditions else "it has none"
        raise ConfigError(f"task {task.name!r} has no input {name!r}{suggestion(name, conditions)}; {known}")


def prove_given(task: Translates, names: Container[str]) -> None:
    """Raises TranslateError: a required condition is not among the names."""
    for name, condition in conditions_of(task).items():
        if condition.required and name not in names:
            way = "read it with a read-labels step" if condition.kind == "map" else f"state it under 'inputs: {name}'"
            raise TranslateError(f"task {task.name!r} needs {name!r} ({condition.description}): {way}")


def label_of(given: Mapping[str, Any], geometry: Geometry, size: tuple[int, int]) -> np.ndarray:
    """The label map that is translated in place of the picture.

    Shapes:
        -> (H, W, 1) int32 in [0, ids)
    Raises:
        TranslateError: the map has another size, or contains an unknown id; the message states the pixel.
    """
    ids = _map(LABEL, given[LABEL], size)
    assert geometry.ids is not None, "only a task that states its ids in geometry() has a label"
    if geometry.unknown:
        ids = np.where(ids == VOID, geometry.ids - 1, ids)
    strange = np.argwhere((ids < 0) | (ids >= geometry.ids))
    if len(strange):
        row, column, _ = strange[0]
        known = f"0 to {geometry.ids - 1 - geometry.unknown}" + (f", and {VOID} for none" if geometry.unknown else "")
        raise TranslateError(
            f"label: pixel ({column}, {row}) has the id {ids[row, column, 0]}, but this model knows {known}"
        )
    return ids


def mean_code(encode: Encode, task: Translates, condition: str, pictures: Iterable[Picture]) -> np.ndarray:
    """Encode pictures and average their codes.

    Shapes:
        -> (D,) float32
    Raises:
        ConfigError: the task has no such condition, or there is no picture.
    """
    encoded = encoded_conditions(task)
    if condition not in encoded:
        known = f"it has {', '.join(encoded)}" if encoded else "it has none"
        raise ConfigError(f"task {task.name!r} has no condition {condition!r} to encode pictures for; {known}")
    size, channels = encoded[condition].size, task.geometry().written
    codes = [encode(condition, _unit(each, size, channels)[None]) for each in pictures]
    if not codes:
        raise ConfigError(f"no pictures for {condition!r}")
    mean: np.ndarray = np.mean([np.asarray(code, np.float64)[0] for code in codes], axis=0).astype(np.float32)
    return mean


def _unit(picture: Picture, size: int | None, channels: int) -> np.ndarray:
    """Convert a picture to an encoder's input. Shapes: -> (H, W, channels), float32 in [-1, 1]."""
    picture = without_hidden_colours(picture)
    picture = picture.with_pixels(picture.color, None)
    if channels == 1:
        picture = to_grey(to_rgb(picture) if picture.space == "cmyk" else picture)
    else:
        picture = to_srgb(picture) if picture.space == "rgb" else to_rgb(picture)
    if size is not None:
        picture = resize(picture, size, size, "bilinear")
    return to_unit(picture.color)


def _map(name: str, value: Any, size: tuple[int, int]) -> np.ndarray:
    ids = np.asarray(value, np.int32)
    ids = ids[..., None] if ids.ndim == 2 else ids
    if ids.shape[:2] != size:
        raise TranslateError(
            f"the {name} map is {ids.shape[1]}x{ids.shape[0]} pixels, but its picture is {size[1]}x{size[0]}"
        )
    return ids


def blank(task: Task, nets: Networks, height: int, width: int) -> Conditioning:
    """Neutral conditioning arrays for a picture of this size, to determine shapes with."""
    import tensorflow as tf

    given: dict[str, Any] = {}
    for name, condition in conditions_of(task).items():
        if condition.kind == "map":
            given[name] = np.zeros((height, width), np.int32)
        if condition.kind == "pictures":
            pixels = tf.zeros((1, condition.size or height, condition.size or width, task.geometry().written))
            given[name] = np.asarray(encode_pictures(task, nets, name, pixels))[0]
    return conditioning(task, given, (height, width))
