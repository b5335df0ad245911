"""``translate``: run a bundle, or an exported model, over each picture."""

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
        description="A bundle's registered name, or the path of its folder; or of an exported model: an .onnx file, or "
        "the folder of a SavedModel.",
    )
    describe: Describe | None = Field(default=None, description="What an .onnx file of other software is.")


class Translate(Transform):
    """Run a bundle over each picture. Several in a row chain: the next one works on what the one before has made."""

    name = "translate"
    lane: ClassVar[Literal["cpu", "model"]] = "model"

    class Options(TranslateOptions, ConditionOptions, _Model):
        """Which bundle, and how it is run."""

    def __init__(self, options: Config | None = None) -> None:
        super().__init__(options)
        self._model: ModelReference | None = None
        self._choices: Mapping[str, Any] = {}
        self._scale = 1
        self._given: ConditionInputs | None = None
        self._translator: Translator | None = None

    @property
    def model(self) -> ModelReference:
        """What it runs; known once the step is prepared."""
        assert self._model is not None, "prepare comes first"
        return self._model

    @property
    def manifest(self) -> Manifest:
        """The bundle's description, likewise."""
        return self.model.manifest

    def prepare(self, planning: Planning) -> None:
        """Find the bundle, or the exported model, and read its description.

        Choices and inputs are checked by its task's code, which needs TensorFlow; a plain picture needs neither.

        Raises:
            NotInstalled, BundleError: it is not there, or damaged.
            ConfigError: the model cannot be run with these options, its task has no such choices or inputs, or an input
                is missing.
        """
        options = self.options
        model: ModelReference = planning.models.find(options.bundle, Path.cwd(), options.describe)
        self._model = model
        model.prove(options)
        scale = model.scale
        if options.choices or options.inputs or options.each or not model.picture_alone:
            task = model.task(options.choices)
            self._given = ConditionInputs(options, task, model.manifest, planning.maps if planning.complete else None)
            self._choices, scale = chosen(task), task.geometry().scale
        self._scale = scale * int(planning.facts.get("scale", 1))

    def recipe(self) -> Mapping[str, Any]:
        """All options but those that change no pixel: how many tiles at once, and where the bundle and files lie.

        Choices count where they differ from the task's own, which the plugin's version stands for; of files, what is
        in them (``fingerprint``).
        """
        left_out = {"bundle", "batch", "choices", "inputs", "each"}
        if self.options.describe is None:
            left_out.add("describe")
        stated = self.options.model_dump(mode="json", exclude=left_out)
        inputs = {name: value for name, value in self.options.inputs.items() if not isinstance(value, FilesInput)}
        more = {"choices": self._choices, "inputs": inputs}
        return {**stated, **{name: value for name, value in more.items() if value}}

    def fingerprint(self) -> Mapping[str, Any]:
        """The bundle's digest, and the plugin whose code runs it."""
        plugin = self.model.plugin
        made = {"bundle": self.model.digest, "task": self.manifest.task, "plugin": [plugin.name, plugin.version]}
        files = self._given.fingerprint({}) if self._given else {}
        return {**made, "files": files} if files else made

    def fingerprint_of(self, variant: Mapping[str, str]) -> Mapping[str, Any]:
        """What is in the variant's own files."""
        files = self._given.fingerprint(variant) if self._given else {}
        return {"files": files} if files else {}

    def facts(self) -> Mapping[str, str | int]:
        """``task``, ``model`` and ``scale``; the scale of several ``translate`` steps is their product."""
        return {"task": self.manifest.task, "model": self.manifest.name, "scale": self._scale}

    def variants(self) -> Mapping[str, Sequence[str]]:
        """The inputs of which there are several, and what each is called."""
        return self._given.variants if self._given else {}

    def maps(self, before: frozenset[str]) -> frozenset[str]:
        """None: a translation is a picture, which the maps no longer belong to."""
        return frozenset()

    def open(self, resources: Resources) -> None:
        """Load the networks and compile them for the device."""
        options = TranslateOptions(**self.options.model_dump(include=set(TranslateOptions.model_fields)))
        self._translator = Translator(self.model.load(), options, resources.device)
        if self._given:
            self._given.open(self._translator)

    def devices(self) -> tuple[str, ...]:
        """The devices that the networks are on, as TensorFlow or ONNX Runtime calls them."""
        return self._translator.devices if self._translator else ()

    def close(self) -> None:
        """Let the networks go."""
        self._translator = None

    def apply(self, item: Item) -> Item:
        """The item translated; its notes gain one entry under "translate".

        Raises:
            TranslateError: the model cannot make this picture.
        """
        assert self._translator is not None, "open comes first"
        made = self._translator.translate(item.picture, self._given.of(item) if self._given else None)
        earlier = item.notes.get("translate", ())
        notes = (*earlier, {"model": self.manifest.name, **made.notes})
        return replace(item.with_picture(made.picture, translate=notes), maps={})
