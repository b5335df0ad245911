"""``translate``: run a bundle or an exported model on each picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from img2imgkit.bundle import FORM_VERSION, Bundle, Manifest
from img2imgkit.config import Config, Location
from img2imgkit.engine import Engine
from img2imgkit.errors import ConfigError, Problem, TranslateError
from img2imgkit.inference import (
    BUILT_IN,
    FAST,
    MODEL_FILES,
    Decided,
    Decision,
    Describe,
    ExportedModel,
    ModelReference,
    Selected,
    Subject,
    TranslateOptions,
    Translates,
    Translator,
    Wanted,
    chosen,
    conditions_of,
    decided,
    parsed,
)
from img2imgkit.inference.engines.devices import cpu_threads
from img2imgkit.item import Item
from img2imgkit.places import Places
from img2imgkit.step import Facts, Planning, Resources, Transform
from img2imgkit.steps.condition_files import FilesInput
from img2imgkit.steps.condition_inputs import ConditionInputs, ConditionOptions
from img2imgkit.steps.engine_choice import EngineChoice, choose_engine, load_chosen
from img2imgkit.steps.extent import Extent
from img2imgkit.steps.resize import times

MAX_PIXELS = 1_000_000_000  # of a picture made by ``until``


class _Model(Config):
    bundle: Annotated[str, Location(or_name=True, holding=MODEL_FILES)] = Field(
        min_length=1,
        description="A bundle's registered name or its folder; or an exported model: an .onnx file, or the folder of a "
        "SavedModel.",
    )
    describe: Describe | None = Field(default=None, description="A description of an .onnx file of other software.")


class Translate(Transform):
    """Run a bundle on each picture. Several steps form a chain: each processes the previous one's output."""

    name = "translate"
    lane: ClassVar[Literal["cpu", "model"]] = "model"
    at_once: ClassVar[int] = max(2, cpu_threads())  # small pictures run one on each core, a large one on all of them

    class Options(TranslateOptions, ConditionOptions, _Model):
        """The bundle, and how to run it."""

        until: Extent | None = Field(
            None,
            description="Apply an enlarging model only as often as needed to reach this size, which can be never: "
            "`{width: 3840}`, `{height: 2160}` or `{megapixels: 12}`; null: once.",
        )

    def __init__(self, options: Config | None = None) -> None:
        super().__init__(options)
        self._model: ModelReference | None = None
        self._choices: Mapping[str, Any] = {}
        self._own_scale = 1
        self._scale_before: int | str | None = 1
        self._inputs: ConditionInputs | None = None
        self._translator: Translator | None = None
        self._engine: EngineChoice | None = None
        self._decision: Decision | None = None

    @property
    def model(self) -> ModelReference:
        """The model, known after ``prepare``."""
        assert self._model is not None, "call prepare first"
        return self._model

    @property
    def selected(self) -> Selected:
        """What runs the model, known after ``prepare``."""
        return self._chosen.selected

    @property
    def _chosen(self) -> EngineChoice:
        assert self._engine is not None, "call prepare first"
        return self._engine

    @property
    def manifest(self) -> Manifest:
        """The model's manifest, known after ``prepare``."""
        return self.model.manifest

    def prepare(self, planning: Planning) -> None:
        """Find the bundle or exported model and read its description.

        The engine is selected, too: that of the outputs which are resumed, if they were made by the same bundle. If it
        pays, the engine form that a bundle lacks is made.
        Choices and inputs are checked by the task's code, which needs TensorFlow; models without them need neither.

        Raises:
            NotInstalled, BundleError: the model is missing or damaged.
            ConfigError: the model cannot run with these options, or choices or inputs are unknown, invalid or missing;
                no engine can run it, or the engine of the outputs that are resumed is missing.
        """
        options = self.options
        model: ModelReference = planning.models.find(options.bundle, Path.cwd(), options.describe)
        self._model = model
        model.prove(options)
        scale = model.scale
        without_map, task = False, None
        if options.choices or options.inputs or options.each or not model.picture_alone:
            task = model.task(options.choices)
            without_map = any(each.kind == "map" and not each.required for each in conditions_of(task).values())
            self._inputs = ConditionInputs(options, task, model.manifest, planning.maps if planning.complete else None)
            self._choices, scale = chosen(task), task.geometry().scale
        self._engine = self._choose(planning, without_map)
        if options.precision == FAST:
            selected, self._decision = self._decide(planning, task)
            self._engine = replace(self._engine, selected=selected)
        self._own_scale = scale
        self._scale_before = planning.facts.get("scale", 1)
        if options.until is not None:
            self._check_until(scale)

    def _choose(self, planning: Planning, without_map: bool) -> EngineChoice:
        """Choose the engine; a file reads every map in each call, so it cannot stand for a bundle that may lack one."""
        device, engine = planning.resources.device, planning.resources.engine or self.options.engine
        wanted = Wanted(engine, device, self.options.precision)
        return choose_engine(self.model, self._choices, wanted, self._engines(), planning, only_networks=without_map)

    def _decide(self, planning: Planning, task: Translates | None) -> Decided:
        """Decide whether the selected precision is used."""
        digests = (self.model.digest, "" if self._chosen.forms is None else str(FORM_VERSION))
        subject = Subject(digests, self._choices, task, planning.resources.device, self._engines())
        kept = planning.kept.get("engine") if planning.kept.get("bundle") == self.model.digest else None
        load = None if planning.dry else self._load
        return decided(self.selected, subject, Places.of_user(), kept if isinstance(kept, Mapping) else {}, load)

    def _engines(self) -> Mapping[str, type[Engine]]:
        return {**BUILT_IN, **self.model.catalog.engines}

    def _check_until(self, scale: int) -> None:
        if scale < 2:
            raise ConfigError(Problem(f"{self.manifest.name} does not enlarge pictures", "until"))
        if self._inputs is not None:
            raise ConfigError(Problem("only models whose single input is a picture can be applied repeatedly", "until"))

    def recipe(self) -> Mapping[str, Any]:
        """Return all options except those that change no pixel: the batch size, and the paths of the bundle and files.

        The engine is part of the fingerprint, as it was selected.
        Only choices that differ from the task's defaults count; the defaults are covered by the plugin's version. The
        content of files is part of the fingerprint.
        """
        left_out = {"bundle", "batch", "engine", "choices", "inputs", "each"}
        left_out |= {name for name in ("describe", "until") if getattr(self.options, name) is None}
        stated = self.options.model_dump(mode="json", exclude=left_out)
        inputs = {name: value for name, value in self.options.inputs.items() if not isinstance(value, FilesInput)}
        more = {"choices": self._choices, "inputs": inputs}
        return {**stated, **{name: value for name, value in more.items() if value}}

    def fingerprint(self) -> Mapping[str, Any]:
        """The digests of the bundle and of condition files, the plugin that provides the task, and the engine.

        Of an engine form the version is enough: the form follows from it, the bundle and the choices, and its files are
        compared with their digests when they are opened.
        """
        plugin, engine = self.model.plugin, dict[str, Any](self.selected.record())
        if self._chosen.forms is not None:
            engine["form"] = FORM_VERSION
        if self._decision:
            engine[FAST] = self._decision.model_dump(mode="json", exclude_defaults=True)
        made: dict[str, Any] = {"bundle": self.model.digest, "task": self.manifest.task}
        made |= {"plugin": [plugin.name, plugin.version], "engine": engine}
        files = self._inputs.fingerprint({}) if self._inputs else {}
        return {**made, "files": files} if files else made

    def _load(self) -> Bundle | ExportedModel:
        return load_chosen(self.model, self._choices, self._chosen.forms)

    def fingerprint_of(self, variant: Mapping[str, str]) -> Mapping[str, Any]:
        """The digests of the variant's own files."""
        files = self._inputs.fingerprint(variant) if self._inputs else {}
        return {"files": files} if files else {}

    def facts(self) -> Facts:
        """``task``, ``model`` and ``scale``, the product over all steps; see also ``Resize.facts``.

        With ``until`` the scale is known only from the picture.
        """
        fixed = self.options.until is None and self._scale_before is not None
        scale = times(self._scale_before or 1, self._own_scale) if fixed else None
        return {"task": self.manifest.task, "model": self.manifest.name, "scale": scale}

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        scale = self._own_scale ** self._times(width, height)
        return width * scale, height * scale

    @property
    def has_forecast(self) -> bool:
        return self.options.until is not None

    def forecast(self, width: int, height: int) -> str:
        """How often the model runs, if that depends on the size."""
        often = self._times(width, height)
        if not often:
            return f"{self.manifest.name} is not needed: {width}x{height}"
        new_width, new_height = self.output_size(width, height)
        times = "once" if often == 1 else f"{often} times"
        failure = f", which fails: more than {MAX_PIXELS:,} pixels" if new_width * new_height > MAX_PIXELS else ""
        return f"{self.manifest.name} {times}: {width}x{height} to {new_width}x{new_height}{failure}"

    def _times(self, width: int, height: int) -> int:
        """Return how often the model is applied to a picture of this size."""
        until = self.options.until
        return 1 if until is None else until.times(width, height, self._own_scale)

    def variants(self) -> Mapping[str, Sequence[str]]:
        """The inputs with several values, and the values' names."""
        return self._inputs.variants if self._inputs else {}

    def maps(self, before: frozenset[str]) -> frozenset[str]:
        """No maps: those of the input do not apply to the translation."""
        return frozenset()

    def open(self, resources: Resources) -> None:
        """Load the model, and open it on the device.

        Raises:
            ConfigError: the device is of another kind than the one that was planned for.
            BundleError: the model is damaged, its engine form cannot be made, or the engine cannot open it.
        """
        if parsed(resources.device)[0] not in ("auto", self.selected.device):
            raise ConfigError(f"planned for the {self.selected.device}, but opened on device {resources.device!r}")
        options = TranslateOptions(**self.options.model_dump(include=set(TranslateOptions.model_fields)))
        self._translator = Translator(self._load(), options, resources.device, self.selected, self._engines())
        if self._inputs:
            self._inputs.open(self._translator)

    def devices(self) -> tuple[str, ...]:
        """The devices of the networks, as the engine names them."""
        return self._translator.devices if self._translator else ()

    def licences(self) -> Mapping[str, str]:
        """The licence of the model's weights, with the authors to credit, if they are stated."""
        stated = ", credits: ".join(filter(None, (self.manifest.licence, ", ".join(self.manifest.attribution))))
        return {self.manifest.name: stated} if stated else {}

    def close(self) -> None:
        """Release the networks."""
        if self._translator:
            self._translator.close()
        self._translator = None

    def apply(self, item: Item) -> Item:
        """Return the translated item, with another entry in its note "translate".

        Raises:
            TranslateError: the model cannot translate this picture.
        """
        assert self._translator is not None, "call open first"
        picture, notes = item.picture, list(item.notes.get("translate", ()))
        often = self._times(picture.width, picture.height)
        self._check_output(item)
        for _ in range(often):
            made = self._translator.translate(picture, self._inputs.of(item) if self._inputs else None)
            picture = made.picture
            without_form = {"engine": self._chosen.note} if self._chosen.note else {}
            notes.append({"model": self.manifest.name, **without_form, **made.notes})
        if not often:
            notes.append({"model": self.manifest.name, "times": 0})
        if self.facts()["scale"] is None:
            before = item.facts["scale"] if self._scale_before is None else self._scale_before
            item = item.with_facts(scale=times(before, self._own_scale**often))
        return replace(item.with_picture(picture, translate=tuple(notes)), maps={})

    def _check_output(self, item: Item) -> None:
        """A narrow picture would become extremely high before it reaches a width."""
        if self.options.until is None:
            return
        width, height = item.picture.width, item.picture.height
        new_width, new_height = self.output_size(width, height)
        if new_width * new_height > MAX_PIXELS:
            raise TranslateError(
                f"until: to reach {self.options.until}, this picture of {width}x{height} would become "
                f"{new_width}x{new_height}, more than {MAX_PIXELS:,} pixels"
            )
