"""``translate``: run a bundle or an exported model on each picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from img2imgkit.bundle import Manifest
from img2imgkit.config import Config, Location
from img2imgkit.inference import MODEL_FILES, Describe, ModelReference, TranslateOptions, Translator, chosen
from img2imgkit.item import Item
from img2imgkit.step import Planning, Resources, Transform
from img2imgkit.steps.condition_files import FilesInput
from img2imgkit.steps.condition_inputs import ConditionInputs, ConditionOptions


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

    class Options(TranslateOptions, ConditionOptions, _Model):
        """The bundle, and how to run it."""

    def __init__(self, options: Config | None = None) -> None:
        super().__init__(options)
        self._model: ModelReference | None = None
        self._choices: Mapping[str, Any] = {}
        self._own_scale = self._scale = 1
        self._inputs: ConditionInputs | None = None
        self._translator: Translator | None = None

    @property
    def model(self) -> ModelReference:
        """The model, known after ``prepare``."""
        assert self._model is not None, "call prepare first"
        return self._model

    @property
    def manifest(self) -> Manifest:
        """The model's manifest, known after ``prepare``."""
        return self.model.manifest

    def prepare(self, planning: Planning) -> None:
        """Find the bundle or exported model and read its description.

        Choices and inputs are checked by the task's code, which needs TensorFlow; models without them need neither.

        Raises:
            NotInstalled, BundleError: the model is missing or damaged.
            ConfigError: the model cannot run with these options, or choices or inputs are unknown, invalid or missing.
        """
        options = self.options
        model: ModelReference = planning.models.find(options.bundle, Path.cwd(), options.describe)
        self._model = model
        model.prove(options)
        scale = model.scale
        if options.choices or options.inputs or options.each or not model.picture_alone:
            task = model.task(options.choices)
            self._inputs = ConditionInputs(options, task, model.manifest, planning.maps if planning.complete else None)
            self._choices, scale = chosen(task), task.geometry().scale
        self._own_scale = scale
        self._scale = scale * int(planning.facts.get("scale", 1))

    def recipe(self) -> Mapping[str, Any]:
        """Return all options except those that change no pixel: the batch size, and the paths of the bundle and files.

        Only choices that differ from the task's defaults count; the defaults are covered by the plugin's version. The
        content of files is part of the fingerprint.
        """
        left_out = {"bundle", "batch", "choices", "inputs", "each"}
        if self.options.describe is None:
            left_out.add("describe")
        stated = self.options.model_dump(mode="json", exclude=left_out)
        inputs = {name: value for name, value in self.options.inputs.items() if not isinstance(value, FilesInput)}
        more = {"choices": self._choices, "inputs": inputs}
        return {**stated, **{name: value for name, value in more.items() if value}}

    def fingerprint(self) -> Mapping[str, Any]:
        """The digests of the bundle and of condition files, and the plugin that provides the task."""
        plugin = self.model.plugin
        made = {"bundle": self.model.digest, "task": self.manifest.task, "plugin": [plugin.name, plugin.version]}
        files = self._inputs.fingerprint({}) if self._inputs else {}
        return {**made, "files": files} if files else made

    def fingerprint_of(self, variant: Mapping[str, str]) -> Mapping[str, Any]:
        """The digests of the variant's own files."""
        files = self._inputs.fingerprint(variant) if self._inputs else {}
        return {"files": files} if files else {}

    def facts(self) -> Mapping[str, str | int]:
        """``task``, ``model`` and ``scale``. The scales of several ``translate`` steps are multiplied."""
        return {"task": self.manifest.task, "model": self.manifest.name, "scale": self._scale}

    def output_size(self, width: int, height: int) -> tuple[int, int]:
        return width * self._own_scale, height * self._own_scale

    def variants(self) -> Mapping[str, Sequence[str]]:
        """The inputs with several values, and the values' names."""
        return self._inputs.variants if self._inputs else {}

    def maps(self, before: frozenset[str]) -> frozenset[str]:
        """No maps: those of the input do not apply to the translation."""
        return frozenset()

    def open(self, resources: Resources) -> None:
        """Load the networks, and compile them for the device."""
        options = TranslateOptions(**self.options.model_dump(include=set(TranslateOptions.model_fields)))
        self._translator = Translator(self.model.load(), options, resources.device)
        if self._inputs:
            self._inputs.open(self._translator)

    def devices(self) -> tuple[str, ...]:
        """The devices of the networks, as TensorFlow or ONNX Runtime names them."""
        return self._translator.devices if self._translator else ()

    def close(self) -> None:
        """Release the networks."""
        self._translator = None

    def apply(self, item: Item) -> Item:
        """Return the translated item, with another entry in its note "translate".

        Raises:
            TranslateError: the model cannot translate this picture.
        """
        assert self._translator is not None, "call open first"
        made = self._translator.translate(item.picture, self._inputs.of(item) if self._inputs else None)
        earlier = item.notes.get("translate", ())
        notes = (*earlier, {"model": self.manifest.name, **made.notes})
        return replace(item.with_picture(made.picture, translate=notes), maps={})
