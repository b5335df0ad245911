"""Which task takes networks out of files, and how their weights get into that task's own."""

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
    """The task that takes all networks, how it does, and the others that could, the likeliest first.

    Args:
        task: the one that must

    Raises:
        InteropError: none takes them all, or the stated one does not.
        NotInstalled: there is no such task.
    """
    if task is not None:
        plan = _plan(catalog.get("tasks", task), networks)
        if plan is None:
            raise InteropError(f"task {task!r} cannot use {_shown(networks)}")
        if plan.missing:
            raise InteropError(f"task {task!r} lacks {'; '.join(plan.missing)}")
        return task, plan, []
    offers = _offers(networks, catalog)
    complete = {name: plan for name, plan in offers.items() if plan.roles and not plan.missing}
    if not complete:
        missing = [f"{name} lacks {'; '.join(each.missing)}" for name, each in offers.items() if each.missing]
        reason = "\n  ".join(["", *missing])
        if all(_is_critic(each) for each in networks):
            reason = "; a critic goes with its generator, or into a training file: initial"
        raise InteropError(f"no task makes a bundle of {_shown(networks)}{reason}")
    first, *others = sorted(complete, key=lambda name: (not complete[name].preferred, name))
    return first, complete[first], others


def joined(saved: Sequence[SavedWeights], task: str | None) -> tuple[str, ImportPlan]:
    """The task whose generators' weights these are, with the options that the files state.

    Args:
        task: its name; None: as the files say

    Raises:
        InteropError: they do not say so, or contradict each other.
    """
    stated = {each.task for each in saved if each.task} | ({task} if task else set())
    if not stated:
        raise InteropError(
            f"{saved[0].source}: does not say whose weights it holds: state the task, and its options where they are "
            "not the usual ones, such as task pix2pix with generator.width 32"
        )
    if len(stated) > 1:
        raise InteropError(f"the files are of tasks {', '.join(sorted(stated))}, and a bundle is of one")
    options = [dict(each.options) for each in saved if each.task]
    if any(each != options[0] for each in options):
        raise InteropError("the files are of different models: the options of their tasks differ")
    roles = {each.role: number for number, each in enumerate(saved)}
    if len(roles) < len(saved):
        raise InteropError(f"two files hold the same network {saved[0].role!r}")
    return stated.pop(), ImportPlan(options[0] if options else {}, {})


def fill_imported(nets: Networks, networks: Sequence[ImportedNetwork], plan: ImportPlan) -> None:
    """Put each network's weights where the plan says. Raises InteropError: they do not fit."""
    for role, model in nets.generators.items():
        if role in plan.fresh:
            continue
        if role not in plan.roles:
            raise InteropError(f"the generator {role!r} comes from none of the files: {_shown(networks)}")
        taken = plan.roles[role]
        network = networks[taken.number]
        copy_weights(_inside(network.model, taken.inside), model, f"{network.source}: the generator {role!r}")


def fill_saved(nets: Networks, saved: Sequence[SavedWeights]) -> None:
    """The same for weights that Keras saved, by role; a single network needs none. Raises InteropError."""
    wanted = list(nets.generators)
    given = {each.role: each for each in saved}
    if len(wanted) == len(saved) == 1:
        given = {wanted[0]: saved[0]}
    if missing := [role for role in wanted if role not in given]:
        raise InteropError(
            f"the task's generators are {', '.join(wanted)}; none of the files is called "
            f"{' or '.join(missing)}: {', '.join(each.source for each in saved)}"
        )
    if further := [each.source for role, each in given.items() if role not in wanted]:
        raise InteropError(f"{further[0]}: none of the task's generators, which are {', '.join(wanted)}")
    for role, each in given.items():
        each.fill(nets.generators[role])


def copy_weights(source: Any, target: keras.Model, what: str) -> None:
    """Weights in their order: the same function built both networks.

    Args:
        what: the beginning of an error

    Raises:
        InteropError: their number or a shape differs; the target's weights are as they were.
    """
    given, wanted = _weights(source), _weights(target)
    if len(given) != len(wanted):
        raise InteropError(f"{what} would take {len(wanted)} arrays with these options, and the file has {len(given)}")
    for ours, theirs in zip(wanted, given, strict=True):
        if tuple(ours.shape) != tuple(theirs.shape):
            raise InteropError(f"{what} needs {ours.path} {tuple(ours.shape)}, and the file has {tuple(theirs.shape)}")
    for ours, theirs in zip(wanted, given, strict=True):
        ours.assign(theirs)


def _plan(task: Any, networks: Sequence[ImportedNetwork]) -> ImportPlan | None:
    return task.import_plan(networks) if issubclass(task, Importable) else None


def _is_critic(network: ImportedNetwork) -> bool:
    return any(role == "projection" or role.endswith("critic") for role in network.architecture.roles)


def _offers(networks: Sequence[ImportedNetwork], catalog: Catalog) -> dict[str, ImportPlan]:
    """The tasks that have a use for the networks. One that fails, as a plugin's may, keeps no other from answering."""
    offers: dict[str, ImportPlan] = {}
    for name, task in catalog.tasks.items():
        try:
            plan = _plan(task, networks)
        except Exception as error:
            plan = ImportPlan({}, {}, missing=(f"an answer: it failed with {type(error).__name__}: {error}",))
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
