"""The engine of a ``translate`` step. For a bundle without engine form, that depends on whether making one pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from img2imgkit.bundle import Bundle
from img2imgkit.engine import Engine
from img2imgkit.errors import BundleError
from img2imgkit.exporting import FormSource, pixels_that_pay, seconds_to_make
from img2imgkit.inference import (
    BundleReference,
    ExportedModel,
    ModelFacts,
    ModelReference,
    Selected,
    Wanted,
    facts_of,
    resolved,
)
from img2imgkit.places import Places
from img2imgkit.step import Planning

NETWORKS = frozenset({"networks"})


@dataclass(frozen=True)
class EngineChoice:
    """What runs a model.

    Attributes:
        forms: where the engine form comes from, if the engine opens one
        note: "", or why a bundle has no engine form although it would pay
    """

    selected: Selected
    forms: FormSource | None = None
    note: str = ""


def choose_engine(
    model: ModelReference,
    choices: Mapping[str, Any],
    wanted: Wanted,
    engines: Mapping[str, type[Engine]],
    planning: Planning,
    only_networks: bool = False,
) -> EngineChoice:
    """Choose the engine as the rule says for a bundle with an engine form, if it has one or making one pays.

    The form is made now, so that TensorFlow can take over if that fails. An engine that was asked for, or that made the
    outputs which are resumed, needs the form in any case: it is made when the step is opened.

    Args:
        choices: those that differ from the task's defaults
        only_networks: whether no engine form can replace the bundle's networks

    Raises:
        ConfigError: no engine can run the model, or that of the outputs that are resumed is missing.
        BundleError: the bundle's own form is incomplete.
    """
    kept = planning.kept.get("engine") if planning.kept.get("bundle") == model.digest else None
    facts, known = model.facts, facts_of(engines)
    if only_networks and "networks" in facts.forms:
        facts = replace(facts, forms=NETWORKS)
    selected = resolved(wanted, facts, known, kept)
    if not isinstance(model, BundleReference) or engines[selected.name].form == "networks":
        return EngineChoice(selected)
    forms = FormSource(model.folder, model.manifest, model.plugin, choices, Places.of_user())
    if forms.find() is not None:
        return EngineChoice(selected, forms)
    if selected.name == wanted.engine or _is_kept(selected, kept):
        planning.tell(f"{model.manifest.name}: {selected.name} needs an engine form, {_made_when(forms)}")
        return EngineChoice(selected, forms)
    note = ""
    if selected.device == "cpu" and _pays(forms, planning):
        _tell(forms, selected, planning)
        found = None if planning.dry else forms.make(lambda: _networks(model, choices))
        if found is None or found.form is not None:
            return EngineChoice(selected, forms)
        note = found.note.replace("; ", ", ")
    return EngineChoice(resolved(wanted, ModelFacts(NETWORKS), known, kept), note=note)


def load_chosen(model: ModelReference, choices: Mapping[str, Any], forms: FormSource | None) -> Bundle | ExportedModel:
    """Load a model in the form that the engine opens, which is made if it is missing, or damaged in the cache.

    Raises:
        BundleError: the model is damaged, or its engine form cannot be made.
    """
    if forms is None or not isinstance(model, BundleReference):
        return model.load()
    form = forms.find()
    if form is not None:
        try:
            return model.load(form)
        except BundleError:
            if form.path != forms.entry:
                raise
            forms.forget()
    found = forms.make(lambda: _networks(model, choices))
    if found.form is None:
        way = "state 'engine: tensorflow', or write the form into the bundle with 'img2img prepare'"
        raise BundleError(f"{model.folder}: {found.note}: {way}")
    return model.load(found.form)


def _networks(model: BundleReference, choices: Mapping[str, Any]) -> Bundle:
    loaded = model.load()
    assert isinstance(loaded, Bundle), "a bundle without a form"
    return loaded.choosing(choices)


def _is_kept(selected: Selected, kept: Any) -> bool:
    """Whether it is the engine on record, and not one that the rule has selected anew."""
    return isinstance(kept, Mapping) and all(kept.get(name) == value for name, value in selected.record().items())


def _pays(forms: FormSource, planning: Planning) -> bool:
    enough = pixels_that_pay(forms.manifest)
    return planning.complete and planning.pixels(enough) >= enough


def _tell(forms: FormSource, selected: Selected, planning: Planning) -> None:
    doing = "the run would first make" if planning.dry else "making"
    planning.tell(
        f"{forms.manifest.name}: {doing} its engine form for {selected.name}, {_duration(forms)}; this run alone saves "
        "more than that, and later ones find the form in the cache"
    )


def _made_when(forms: FormSource) -> str:
    return f"which is made before the first picture, {_duration(forms)}"


def _duration(forms: FormSource) -> str:
    return f"about {seconds_to_make(forms.manifest):.0f} s"
