"""Choose the task for imported networks, and copy their weights to the task's own networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from img2imgkit.errors import InteropError
from img2imgkit.exchange import Importable, ImportedNetwork, ImportPlan, SavedWeights
from img2imgkit.task import Networks

if TYPE_CHECKING:
    import keras

    from img2imgkit.catalog import Catalog


def planned(
    networks: Sequence[ImportedNetwork], catalog: Catalog, task: str | None
) -> tuple[str, ImportPlan, list[str]]:
    """Choose the task that uses all networks.

    Args:
        task: the task's name; None: choose the most likely one

    Returns:
        The task's name, its import plan, and the names of other suitable tasks, the most likely first.

    Raises:
        InteropError: no task, or not the stated one, can use all networks.
        NotInstalled: there is no such task.
    """
    if task is not None:
        plan = _plan(catalog.get("tasks", task), networks)
        if plan is None:
            raise InteropError(f"task {task!r} cannot use {_shown(networks)}")
        if plan.missing:
            raise InteropError(f"task {task!r} also needs {'; '.join(plan.missing)}")
        return task, plan, []
    offers = _offers(networks, catalog)
    complete = {name: plan for name, plan in offers.items() if plan.roles and not plan.missing}
    if not complete:
        missing = [f"{name} also needs {'; '.join(each.missing)}" for name, each in offers.items() if each.missing]
        reason = "\n  ".join(["", *missing])
        if not missing and not any(each.architecture.makes_pictures for each in networks):
            reason = ": import it together with its generator, or state it under 'initial' in a training file"
        raise InteropError(f"no task can make a bundle from {_shown(networks)}{reason}")
    first, *others = sorted(complete, key=lambda name: (not complete[name].preferred, name))
    return first, complete[first], others


def joined(saved: Sequence[SavedWeights], task: str | None) -> tuple[str, ImportPlan]:
    """The task of saved weights, with the options that the files state.

    Args:
        task: the task's name; None: read it from the files

    Raises:
        InteropError: the files do not state their task, or contradict each other.
    """
    stated = {each.task for each in saved if each.task} | ({task} if task else set())
    if not stated:
        raise InteropError(
            f"{saved[0].source}: does not state the task of its weights: state the task, and its options if they are "
            "not the defaults, such as task pix2pix with generator.width 32; of a network of other software, "
            "'img2img convert' makes an ONNX file"
        )
    if len(stated) > 1:
        raise InteropError(f"the files belong to several tasks, {', '.join(sorted(stated))}, but a bundle has one task")
    options = [dict(each.options) for each in saved if each.task]
    if any(each != options[0] for each in options):
        raise InteropError("the files belong to different models: their task options differ")
    roles = {each.role: number for number, each in enumerate(saved)}
    if len(roles) < len(saved):
        raise InteropError(f"two files contain the same network {saved[0].role!r}")
    return stated.pop(), ImportPlan(options[0] if options else {}, {})


def fill_imported(nets: Networks, networks: Sequence[ImportedNetwork], plan: ImportPlan) -> None:
    """Copy each network's weights to its role in the plan. Raises InteropError: they do not fit."""
    for role, model in nets.generators.items():
        if role in plan.fresh:
            continue
        if role not in plan.roles:
            raise InteropError(f"the generator {role!r} is in none of the files: {_shown(networks)}")
        taken = plan.roles[role]
        network = networks[taken.number]
        copy_weights(_inside(network.model, taken.inside), model, f"{network.source}: the generator {role!r}")


def fill_saved(nets: Networks, saved: Sequence[SavedWeights]) -> None:
    """Load saved Keras weights by role; a single network needs no role.

    Raises:
        InteropError: the roles do not match the task's generators, or the weights do not fit.
    """
    wanted = list(nets.generators)
    given = {each.role: each for each in saved}
    if len(wanted) == len(saved) == 1:
        given = {wanted[0]: saved[0]}
    if missing := [role for role in wanted if role not in given]:
        raise InteropError(
            f"the task's generators are {', '.join(wanted)}; no file is named "
            f"{' or '.join(missing)}: {', '.join(each.source for each in saved)}"
        )
    if surplus := [each.source for role, each in given.items() if role not in wanted]:
        raise InteropError(f"{surplus[0]}: not one of the task's generators, which are {', '.join(wanted)}")
    for role, each in given.items():
        each.fill(nets.generators[role])


def copy_weights(source: Any, target: keras.Model, what: str) -> None:
    """Copy weights in their order, given that the same function built both networks.

    Args:
        what: the start of error messages

    Raises:
        InteropError: the number of weights or a shape differs; the target is then unchanged.
    """
    given, wanted = _weights(source), _weights(target)
    if len(given) != len(wanted):
        raise InteropError(f"{what} needs {len(wanted)} arrays with these options, but the file has {len(given)}")
    for ours, theirs in zip(wanted, given, strict=True):
        if tuple(ours.shape) != tuple(theirs.shape):
            raise InteropError(f"{what} needs {ours.path} {tuple(ours.shape)}, but the file has {tuple(theirs.shape)}")
    for ours, theirs in zip(wanted, given, strict=True):
        ours.assign(theirs)


def _plan(task: Any, networks: Sequence[ImportedNetwork]) -> ImportPlan | None:
    return task.import_plan(networks) if issubclass(task, Importable) else None


def _offers(networks: Sequence[ImportedNetwork], catalog: Catalog) -> dict[str, ImportPlan]:
    """Import plans of all tasks that can use the networks. A task that fails does not affect the others."""
    offers: dict[str, ImportPlan] = {}
    for name, task in catalog.tasks.items():
        try:
            plan = _plan(task, networks)
        except Exception as error:
            plan = ImportPlan({}, {}, missing=(f"a working import_plan: it failed, {type(error).__name__}: {error}",))
        if plan is not None:
            offers[name] = plan
    return offers


def _shown(networks: Sequence[ImportedNetwork]) -> str:
    return " and ".join(f"{each.source} ({each.kind})" for each in networks)


def _inside(model: keras.Model, path: str) -> Any:
    for name in path.split("/") if path else ():
        model = model.get_layer(name)
    return model


def _weights(model: Any) -> list[Any]:
    return [variable for variable in model.weights if "seed_generator" not in variable.path]
