"""Contract tests for architectures: build and run a network to verify what tasks, tiling and imports rely on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from img2imgkit import backend
from img2imgkit.architectures import Architecture, FeatureGenerator, NetworkSpec
from img2imgkit.catalog import Catalog
from img2imgkit.config import suggestion
from img2imgkit.exchange import StateDict
from img2imgkit.geometry import Geometry
from img2imgkit.geometry_proof import (
    SECONDS,
    allowed_sizes,
    least_side,
    measuring_side,
    reach_of,
    set_positive_weights,
)
from img2imgkit.importing import network_of, state_of_model
from img2imgkit.schema import tasks_by_role
from img2imgkit.testing.claims import (
    check_descriptions,
    check_docstring,
    check_name,
    check_options,
    check_source,
    expect,
    must_work,
)
from img2imgkit.testing.geometry import check_reach, check_tiles, measuring_seconds, tiled_side

_SEED, _IMAGES = 11, 2
_STATES = (1, 2, 3)  # seeds of the weights with which the receptive field is measured
_MOST_WORK = 2e9  # weights times pixels; larger networks are measured on a strip instead of a square


def check_architecture(
    architecture: Architecture, spec: NetworkSpec | None = None, *, catalog: Catalog | None = None
) -> None:
    """Verify the contract of an architecture. Use small options: the network is built and run many times.

    If the architecture ``makes_pictures``, the receptive field is measured by gradients, at several positions with
    several weights. If that would take more than about ten seconds, a picture translated in two tiles must equal the
    picture translated whole, also when all pixels outside the radius are enormous; very deep networks hide a radius
    that is slightly too small even then. Other networks must only run.

    Args:
        spec: a possible request of a task; None: three channels, and instance normalization if it can be chosen
        catalog: the tasks that know its roles, and the architectures among which its checkpoints must be recognised;
            None: the installed ones

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
    """
    backend.load()
    kind = type(architecture)
    spec = spec or NetworkSpec(norm="instance" if "norm" in kind.uses else None)
    installed = catalog or Catalog.installed()
    _check_description(kind)
    _check_roles(architecture, installed)
    check_options(architecture)
    check_descriptions(kind)
    _check_arguments(architecture, spec)
    model = _check_build(architecture, spec)
    if kind.makes_pictures:
        _check_pictures(architecture, spec, model)
        _check_receptive_field(architecture, spec)
        if isinstance(architecture, FeatureGenerator):
            _check_features(architecture, spec, model)
    else:
        _check_runs(architecture, spec, model)
    _check_parts(architecture, model)
    if kind.checkpoint is not None:
        _check_checkpoint(architecture, spec, model, installed)


def _check_description(kind: type[Architecture]) -> None:
    check_name(kind)
    check_docstring(kind)
    check_source(kind)
    expect(kind.roles, f"{kind.__name__} has no roles, so no option can accept it")


def _check_roles(architecture: Architecture, catalog: Catalog) -> None:
    """Some task has an option for each role; a network of several may be chosen by its subnetworks alone."""
    known = {role for each in (catalog, Catalog.installed()) for role in tasks_by_role(each)}
    for role in () if architecture.subnetworks() else architecture.roles:
        claim = f"no option of an installed task accepts the role {role!r} of {architecture.name!r}"
        expect(role in known, f"{claim}{suggestion(role, known)}")


def _check_arguments(architecture: Architecture, spec: NetworkSpec) -> None:
    """It can be built for ``spec``, and ``from_arguments`` inverts ``arguments``."""
    kind = type(architecture)
    problem = architecture.problem(spec)
    expect(not problem, f"problem({spec}) is {problem!r}: call check_architecture with a supported spec")
    arguments = architecture.arguments(spec)
    unknown = sorted({*kind.uses} - {*NetworkSpec.__dataclass_fields__})
    expect(not unknown, f"{kind.__name__}.uses names {unknown[:1]}, which NetworkSpec does not have")
    try:
        again, stated = kind.from_arguments(arguments)
    except (ValidationError, TypeError) as error:
        raise AssertionError(f"{kind.__name__} rejects its own arguments {arguments}: {error}") from error
    expect(again == architecture, f"{architecture!r} was rebuilt from its arguments as {again!r}")
    expect(again.arguments(stated) == arguments, f"arguments() differs after from_arguments(): {arguments}")


def _check_build(architecture: Architecture, spec: NetworkSpec) -> Any:
    """Two builds with the same seed are equal."""
    first, second = (_seeded(architecture, spec) for _ in range(2))
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    expect(all(np.array_equal(*pair) for pair in pairs), "two builds with the same seed have different weights")
    return first


def _seeded(architecture: Architecture, spec: NetworkSpec) -> Any:
    import keras

    keras.utils.set_random_seed(_SEED)
    return architecture.build(spec)


def _check_pictures(architecture: Architecture, spec: NetworkSpec, model: Any) -> None:
    """For every allowed size the output is ``scale`` times as large and has the promised channels."""
    geometry = architecture.geometry(spec)
    stated, wanted = (geometry.scale, geometry.channels, geometry.written), (spec.scale, spec.channels, spec.written)
    expect(stated == wanted, f"geometry() states (scale, channels, written) as {stated}, but the spec as {wanted}")
    for height, width in allowed_sizes(geometry):
        result = _run(model, (height, width))
        made = result[0].shape if len(result) == 1 else [each.shape for each in result]
        promised = (_IMAGES, geometry.scale * height, geometry.scale * width, geometry.written)
        expect(made == promised, f"{height}x{width} pixels became {made}; geometry() promises {promised}")


def _check_features(architecture: FeatureGenerator, spec: NetworkSpec, model: Any) -> None:
    taps = range(architecture.taps)
    for size in allowed_sizes(architecture.geometry(spec)):
        found = [each.shape[1:3] for each in _run(architecture.features(model, taps), size)]
        promised = [*map(tuple, architecture.feature_sizes(taps, size))]
        expect(found == promised, f"features of {size} pixels have sizes {found}; feature_sizes() promises {promised}")


def _check_runs(architecture: Architecture, spec: NetworkSpec, model: Any) -> None:
    """It runs at its minimum size."""
    geometry = architecture.geometry(spec)
    side = least_side(geometry)
    for result in _run(model, (side, side)):
        expect(result.size, f"{side}x{side} pixels, which geometry() allows, became an empty array {result.shape}")
        if "content-encoder" in architecture.roles:
            reduced = side // geometry.multiple
            promised = (_IMAGES, reduced, reduced, geometry.written)
            claim = f"{side}x{side} pixels became {result.shape}; the multiple and channels of geometry() promise"
            expect(result.shape == promised, f"{claim} {promised}")


def _check_parts(architecture: Architecture, model: Any) -> None:
    names = {layer.name for layer in model.layers}
    missing = sorted(architecture.subnetworks().keys() - names)
    expect(not missing, f"subnetworks() names {missing[:1]}, but the network has no such layer")


def _run(model: Any, size: tuple[int, int]) -> list[np.ndarray]:
    import keras

    given = list(_inputs(model, np.random.default_rng(_SEED), _IMAGES, size))
    try:
        made = model(given if len(given) > 1 else given[0], training=False)
    except Exception as error:  # layers can raise anything
        raise AssertionError(f"the network fails on {given[0].shape}, which geometry() allows: {error}") from error
    found = [np.asarray(each) for each in keras.tree.flatten(made)]
    expect(
        all(np.isfinite(each).all() for each in found),
        f"the output for noise of {given[0].shape} contains NaN or infinity",
    )
    return found


def _inputs(model: Any, rng: np.random.Generator, images: int, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Noise for each input of a network: pictures and maps of that size, and vectors; ids are all 0."""
    for each in model.inputs:
        axes = {4: (images, *size), 3: (images, 4), 2: (images,), 1: ()}[len(each.shape)]
        drawn = (*axes, each.shape[-1]) if axes else (images,)
        shape = [side if fixed is None else fixed for side, fixed in zip(drawn, (None, *each.shape[1:]), strict=True)]
        floats = "float" in str(each.dtype)
        yield rng.uniform(0.1, 1, shape).astype(each.dtype) if floats else np.zeros(shape, each.dtype)


def _check_receptive_field(architecture: Architecture, spec: NetworkSpec) -> None:
    """No output depends on inputs beyond ``radius``, for any weights; without a radius it depends on most of a picture.

    Both methods run in double precision, where gradients hardly vanish. Tiles cannot prove that a radius is None.
    """
    geometry = architecture.geometry(spec)
    side = measuring_side(geometry)
    with _double_precision():
        model = architecture.build(spec)
        work = sum(math.prod(variable.shape) for variable in model.weights) * side**2
        size = (side if work <= _MOST_WORK else _strip_height(geometry), side)
        if geometry.radius is not None and _gradient_seconds(model, geometry, size) > SECONDS:
            _check_tiles(model, geometry)
        else:
            _check_gradients(model, geometry, size)


def _strip_height(geometry: Geometry) -> int:
    return least_side(replace(geometry, minimum=max(geometry.minimum, 8)))


def _gradient_seconds(model: Any, geometry: Geometry, size: tuple[int, int]) -> float:
    """An estimate of the time that ``_check_gradients`` takes."""
    return len(_STATES) * measuring_seconds(*_function(model, size, _SEED), geometry)


def _check_gradients(model: Any, geometry: Geometry, size: tuple[int, int]) -> None:
    fresh, reaches = model.get_weights(), []
    for seed in _STATES:
        set_positive_weights([model], seed)
        reaches.append(reach_of(*_function(model, size, seed), geometry))
    if reaches == [None] * len(_STATES):  # positive vectors can saturate the layers that follow
        model.set_weights(fresh)
        reaches = [reach_of(*_function(model, size, _SEED), geometry)]
    measured = [reach for reach in reaches if reach is not None]
    expect(measured, "the network's output does not depend on its input")
    check_reach(max(measured), geometry, size[1])


def _function(model: Any, size: tuple[int, int], seed: int) -> tuple[Callable[[Any], Any], np.ndarray]:
    """The network as a function of its first input alone, and noise for that input."""
    import keras

    source, *given = _inputs(model, np.random.default_rng(seed), 1, size)
    others = [keras.ops.convert_to_tensor(each) for each in given]
    return lambda image: model([image, *others] if others else image, training=False), source


def _check_tiles(model: Any, geometry: Geometry) -> None:
    """Tiles side by side, then one above the other, with new weights, then with positive ones.

    Far influences fade slowly with weights of both signs; positive weights cannot cancel or block them.
    """
    short, long = _strip_height(geometry), tiled_side(geometry)
    varied = False
    for seed in (None, _SEED):
        if seed is not None:
            set_positive_weights([model], seed)
        for axis, size in ((2, (short, long)), (1, (long, short))):
            inputs = list(_inputs(model, np.random.default_rng(_SEED), 1, size))
            varied |= check_tiles(
                lambda given: model(given if given[1:] else given[0], training=False), inputs, geometry, axis
            )
    expect(varied, "the network's output does not depend on its input")


@contextmanager
def _double_precision() -> Iterator[None]:
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(before[0])
        keras.config.set_dtype_policy(before[1])


def _check_checkpoint(architecture: Architecture, spec: NetworkSpec, model: Any, catalog: Catalog) -> None:
    """A state dict of its own network is recognised and restores the same weights."""
    kind = type(architecture)
    checkpoint, arguments = kind.checkpoint, architecture.arguments(spec)
    assert checkpoint is not None
    set_positive_weights([model])  # initial kernels may all be equal, such as zeros
    state = state_of_model(model, checkpoint.places(arguments))
    installed = {**catalog.architectures, kind.name: kind}
    with must_work("a state dict of its own network"):
        found = network_of(StateDict(state), installed).kind
        expect(found in (kind.name, *checkpoint.yields_to), f"a state dict of {kind.name!r} is recognised as {found!r}")
        read = network_of(StateDict(state, kind.name), installed)
    left_open = {each.option for each in read.assumptions}
    for name, value in checkpoint.recognise(checkpoint.clean(state)).items():  # type: ignore[union-attr]
        same = value == arguments.get(name, value) or arguments[name] is None
        claim = f"{name} {arguments.get(name)!r} is inferred as {value!r}, and 'assumptions' does not list it"
        expect(same or name in left_open, claim)
    written = state_of_model(read.model, checkpoint.places(read.arguments))
    for name, array in checkpoint.clean(state).items():
        same = name in written and np.array_equal(written[name], array)
        expect(same, f"{name} of a state dict is changed by import and export")
