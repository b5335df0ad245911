"""Contract tests for tasks: run one to verify what training, inference and bundles rely on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from img2imgkit import backend, bundle
from img2imgkit.catalog import Catalog, Plugin
from img2imgkit.components import resolve
from img2imgkit.config import Config, suggestion
from img2imgkit.data_kind import DataKind
from img2imgkit.geometry_proof import random_inputs
from img2imgkit.hooks import hookimpl
from img2imgkit.inference import parse_condition
from img2imgkit.task import Conditional, Networks, Task
from img2imgkit.testing.batches import Arrays, MakeBatch, random_batch, with_draws
from img2imgkit.testing.claims import check_docstring, check_name, check_options, check_source, expect, must_work
from img2imgkit.testing.geometry import check_pictures, check_radius, check_sizes
from img2imgkit.testing.training import check_training

_SEED, _IMAGES = 11, 3


def check_task(
    task_class: type[Task],
    options: Config | None = None,
    weights: Config | None = None,
    *,
    batch: MakeBatch | None = None,
    data_kind: type[DataKind] | None = None,
    replicas: bool = True,
    catalog: Catalog | None = None,
) -> None:
    """Verify the contract of a task. Use small options: networks are built, run and trained for five steps.

    Args:
        batch: creates a batch from a random generator and a number of images, instead of the data kind
        data_kind: the kind that ``data`` names, if it is not installed
        replicas: also verify that training on two devices equals training on one. Disable it for tasks that draw noise
            while training. The CPU is split for it, which must happen before TensorFlow uses it; pytest does it for
            every module that imports ``check_task``.
        catalog: resolves the components that the options choose; None: what is installed

    Raises:
        AssertionError: the contract is violated; the text states what was expected and what happened.
        RuntimeError: TensorFlow has already used the CPU as one device.
    """
    backend.load()
    if replicas:
        backend.split_cpu()
    kind = _kind(task_class, data_kind)
    _check_description(task_class)
    catalog = with_task(task_class, kind, catalog or Catalog.installed())
    with must_work("options"):
        task = task_class(resolve(options or task_class.Options(), catalog), weights)
    check_options(task.options)
    check_options(task.weights)
    nets = _seeded(task)
    check_options(task.choices)
    make = _maker(task, kind, batch)
    _check_reads(task, kind)
    _check_players(task, nets)
    _check_terms(task, nets, make(np.random.default_rng(_SEED), _IMAGES))
    _check_same_seed(task)
    _check_conditions(task)
    check_sizes(task, nets)
    if task.geometry().ids is None or task.geometry().radius is not None:  # ids cannot prove that a radius is None
        check_radius(task, nets)
    _check_bundle(task, nets, catalog)
    check_training(task, make, replicas)


def _check_description(task_class: type[Task]) -> None:
    check_name(task_class)
    check_docstring(task_class)
    check_source(task_class)


def _kind(task_class: type[Task], given: type[DataKind] | None) -> type[DataKind]:
    """The data kind that the task names: the given or an installed one."""
    name = getattr(task_class, "data", None)
    known = Catalog.installed().data_kinds if given is None else {given.name: given}
    claim = f"{task_class.__name__}.data is {name!r}, expected one of {', '.join(known)}"
    expect(name in known, f"{claim}; pass a kind that is not installed as check_task(..., data_kind=)")
    found: type[DataKind] = known[str(name)]
    return found


def _check_reads(task: Task, kind: type[DataKind]) -> None:
    """The task reads label maps if and only if the data kind has them."""
    ids = task.geometry().ids
    claim = f"geometry() states ids={ids}, but {kind.name!r} data have {'' if kind.label_maps else 'no '}label maps"
    expect(kind.label_maps == (ids is not None), f"{claim} instead of pictures")


def _maker(task: Task, kind: type[DataKind], batch: MakeBatch | None) -> MakeBatch:
    if batch is None:
        return lambda rng, images: random_batch(task, kind, rng, images)
    return lambda rng, images: with_draws(task, rng, batch(rng, images))


def _seeded(task: Task) -> Networks:
    import keras

    keras.utils.set_random_seed(_SEED)
    return task.build()


def _check_players(task: Task, nets: Networks) -> None:
    """Every trainable variable belongs to exactly one network of one player."""
    owners: dict[int, str] = {}
    for group in (nets.generators, nets.critics, nets.frozen):
        for role, net in group.items():
            for variable in net.variables if group is nets.frozen else net.trainable_variables:
                other = owners.setdefault(id(variable), role)
                expect(other == role, f"variable {variable.path} belongs to both {other!r} and {role!r}")
    for player in ("generators", "critics"):
        members = getattr(nets, player)
        trainable = any(net.trainable_variables for net in members.values())
        expect(not members or trainable, f"{player}: {', '.join(members)} have no trainable variables")
        expect(
            not members or player in task.order,
            f"{task.name!r} has {player}, but order={task.order} never updates them",
        )
    expect(nets.generators, "build() returned no generator")


def _check_terms(task: Task, nets: Networks, batch: Arrays) -> None:
    """Terms match the fields of ``Weights``, each once, with one finite number per image; weight 0 needs no term."""
    nets = replace(nets, frozen={**nets.frozen, **task.frozen()})
    prepared = task.prepare(batch)
    out = task.forward(nets, prepared)
    groups = (task.generator_losses, task.critic_losses, task.critic_penalties)
    given = [group(nets, prepared, out) for group in groups]
    weights = task.weights.model_dump()
    for name, term in [pair for terms in given for pair in terms.items()]:
        expect(name in weights, f"term {name!r} has no weight of that name{suggestion(name, weights)}")
        values = np.asarray(term)
        claim = f"term {name!r} has shape {values.shape}, expected {(_IMAGES,)}: one per image"
        expect(values.shape == (_IMAGES,), claim)
        expect(np.isfinite(values).all(), f"term {name!r} is not finite: {values}")
    names = [name for terms in given for name in terms]
    twice = sorted({name for name in names if names.count(name) > 1})
    expect(not twice, f"term {twice[:1]} is returned twice; names must be unique in the log")
    missing = sorted(name for name, weight in weights.items() if weight and name not in names)
    expect(not missing, f"weight {missing[:1]} has no term of that name")
    unknown = sorted(task.history().keys() - out.keys())
    expect(not unknown, f"history() lists {unknown[:1]}, which forward() does not return")


def _check_conditions(task: Task) -> None:
    """Conditions have descriptions and free names, and accept the values that they list."""
    if not isinstance(task, Conditional):
        unread = f"conditions() is ignored: also derive {type(task).__name__} from img2imgkit.Conditional"
        expect("conditions" not in dir(task), unread)
        return
    for name, each in task.conditions().items():
        expect(each.description.strip(), f"condition {name!r} has no description; `img2img tasks {task.name}` shows it")
        expect(
            name not in ("source", "target", "label"),
            f"condition {name!r} has a reserved name: source, target and label are inputs of every task",
        )
        expect(not (each.values and each.kind != "value"), f"condition {name!r} lists values, but is a {each.kind!r}")
        for value in each.values:
            with must_work(f"condition {name!r}, value {value!r}"):
                parse_condition(task, name, value)


def _check_same_seed(task: Task) -> None:
    """The same seed gives the same networks and images, and ``translate`` is deterministic."""
    first, second = _seeded(task), _seeded(task)
    inputs = random_inputs(task, first, np.random.default_rng(_SEED), _IMAGES)
    for role, net in first.generators.items():
        other = second.generators[role]
        same = all(np.array_equal(a, b) for a, b in zip(net.get_weights(), other.get_weights(), strict=True))
        expect(same, f"two builds of {role!r} with the same seed have different weights")
    once, again = (np.asarray(task.translate(first, inputs)) for _ in range(2))
    expect(
        np.array_equal(once, again), "translate gave two different results for the same input; it must not draw noise"
    )
    expect(
        np.array_equal(once, np.asarray(task.translate(second, inputs))),
        "two builds with the same seed translate differently",
    )


def _check_bundle(task: Task, nets: Networks, catalog: Catalog) -> None:
    """A saved and loaded bundle translates bit for bit as before, and accepts pictures of any size."""
    inputs = random_inputs(task, nets, np.random.default_rng(_SEED), 1)
    with tempfile.TemporaryDirectory() as place, must_work("a saved bundle"):
        bundle.save(Path(place) / "bundle", task, nets, "tested", catalog)
        loaded = bundle.load(Path(place) / "bundle", catalog)
    before, after = (np.asarray(t.translate(n, inputs)) for t, n in ((task, nets), (loaded.task, loaded.nets)))
    expect(np.array_equal(before, after), "a loaded bundle translates differently from the networks that were saved")
    check_pictures(loaded)


def with_task(task_class: type[Task], kind: type[DataKind], catalog: Catalog) -> Catalog:
    """The catalog, preceded by a plugin that provides the task, and its data kind unless that is installed."""
    kinds = () if catalog.data_kinds.get(kind.name) is kind else (kind,)
    return Catalog((Plugin("tested", lambda: _plugin(task_class, kinds), "tested", "0"), *catalog.plugins))


def _plugin(task_class: type[Task], kinds: Iterable[type[DataKind]]) -> Any:
    def register_data_kinds(register: Any) -> None:
        for kind in kinds:
            register(kind)

    def register_tasks(register: Any) -> None:
        register(task_class)

    module = ModuleType("tested")
    module.register_data_kinds = hookimpl(register_data_kinds)  # type: ignore[attr-defined]
    module.register_tasks = hookimpl(register_tasks)  # type: ignore[attr-defined]
    return module
