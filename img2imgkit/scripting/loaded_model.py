"""A model as a function of pictures."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias, overload

import numpy as np
from PIL import Image

from img2imgkit.architectures import Assumption
from img2imgkit.catalog import Catalog
from img2imgkit.config import parse_yaml, validate
from img2imgkit.errors import ConfigError
from img2imgkit.images import Picture
from img2imgkit.inference import (
    BUILT_IN,
    Describe,
    ModelFinder,
    TranslateOptions,
    Translator,
    Wanted,
    chosen,
    conditions_of,
    load_code,
    parse_condition,
    prove_known,
)
from img2imgkit.inference.engines.devices import cpu_threads
from img2imgkit.inference.inputs.conditions import LABEL
from img2imgkit.scripting.image_kinds import ImageLike, LibraryPicture, ids_of, picture_of
from img2imgkit.step import Planning
from img2imgkit.steps.engine_choice import choose_engine, load_chosen

Stored: TypeAlias = "str | os.PathLike[str] | Picture"


def load(
    model: str | os.PathLike[str],
    *,
    device: str = "auto",
    describe: Mapping[str, Any] | None = None,
    catalog: Catalog | None = None,
    **options: Any,
) -> LoadedModel:
    """Load a model, to call it with pictures.

        model = kit.load("sr-compact-x2")
        model("photo.jpg").save("large.png")

    Args:
        model: the name of an installed bundle, its folder, an ONNX file, or the folder of an exported SavedModel
        device: "auto", "cpu", "gpu", "gpu:0,1"
        describe: how pictures go into an ONNX file of other software, as in a ``translate`` step
        catalog: what is installed; None: everything in this environment
        options: those of ``TranslateOptions``, such as ``engine="openvino"``, ``precision="fast"``, ``tile=256``

    Raises:
        NotInstalled, BundleError: the model is missing or damaged.
        ConfigError: there is no such option or value, or no engine can run the model with them.
    """
    catalog = catalog or Catalog.installed()
    stated = validate(TranslateOptions, parse_yaml("", "options"), data=options)
    description = validate(Describe, parse_yaml("", "describe"), data=dict(describe)) if describe is not None else None
    planning = Planning(ModelFinder(catalog))
    found = planning.models.find(os.fspath(model), Path.cwd(), description)
    found.prove(stated)
    choices: Mapping[str, Any] = {}
    only_networks = False
    if stated.choices or not found.picture_alone:
        task = found.task(stated.choices)
        choices = chosen(task)
        only_networks = any(each.kind == "map" and not each.required for each in conditions_of(task).values())
    engines = {**BUILT_IN, **catalog.engines}
    wanted = Wanted(stated.engine, device, stated.precision)
    engine = choose_engine(found, choices, wanted, engines, planning, only_networks)
    loaded = load_chosen(found, choices, engine.forms)
    return LoadedModel(Translator(loaded, stated, device, engine.selected, engines))


class LoadedModel:
    """A model that is called with a picture, and gives the same kind of picture back.

    It releases its memory when it is closed, or at the end of a ``with`` block. Several threads may call it.

        with kit.load("stargan-typefaces") as model:
            bold = model(array, domain="black")

    Attributes:
        name: the model's name
        scale: how many times larger the results are
        assumptions: of a model that was just imported, what its files do not state, and the values assumed
    """

    def __init__(self, translator: Translator) -> None:
        self._translator: Translator | None = translator
        self.name, self.scale = translator.bundle.manifest.name, translator.geometry.scale
        self.assumptions: tuple[Assumption, ...] = ()

    @property
    def conditions(self) -> Mapping[str, str]:
        """The inputs besides the picture, which are stated as keywords, and what they mean."""
        return {name: each.description for name, each in conditions_of(self._open.bundle.task).items() if name != LABEL}

    @overload
    def __call__(self, image: Stored, **conditions: Any) -> LibraryPicture: ...
    @overload
    def __call__(self, image: Image.Image, **conditions: Any) -> Image.Image: ...
    @overload
    def __call__(self, image: np.ndarray, **conditions: Any) -> np.ndarray: ...
    def __call__(self, image: ImageLike, **conditions: Any) -> Any:
        """Translate one picture.

        Models of label maps take the map: integers (H, W), an image of ids, or its path.

        Args:
            image: a path, a Pillow image, an array or a Picture; see ``picture_of``
            conditions: by name: a value, ids (H, W) for a map, one or several pictures or a code for a style

        Returns:
            the same kind as ``image``; for a path, a picture with ``save``, ``to_array`` and ``to_pillow``
        Raises:
            ImageError: a file cannot be decoded.
            ConfigError: the model has no such input, or the value is invalid.
            TranslateError: an input is missing, memory does not suffice, or the output is not finite.
            TypeError, ValueError: it is no picture.
        """
        return self._translated(image, {name: self._condition(name, value) for name, value in conditions.items()})

    def _translated(self, image: ImageLike, given: Mapping[str, Any]) -> Any:
        """Translate one picture under conditions that are parsed."""
        translator = self._open
        if translator.geometry.ids is None:
            picture, back = picture_of(image)
        else:
            ids = ids_of(image.color if isinstance(image, Picture) else image)
            given, blank = {**given, LABEL: ids}, np.zeros((*ids.shape, 3), np.uint8)
            picture, back = Picture(blank), picture_of(image if _is_path(image) else _like(image, blank))[1]
        return back(translator.translate(picture, given).picture)

    @overload
    def batch(self, images: Iterable[Stored], **conditions: Any) -> Iterator[LibraryPicture]: ...
    @overload
    def batch(self, images: Iterable[Image.Image], **conditions: Any) -> Iterator[Image.Image]: ...
    @overload
    def batch(self, images: Iterable[np.ndarray], **conditions: Any) -> Iterator[np.ndarray]: ...
    def batch(self, images: Iterable[Any], **conditions: Any) -> Iterator[Any]:
        """Translate pictures one after another, in order; a few are read and written ahead, so any number may follow.

        Args:
            conditions: the same for all
        """
        given = {name: self._condition(name, value) for name, value in conditions.items()}
        most, ahead = cpu_threads() + 1, deque[Future[Any]]()
        pool = ThreadPoolExecutor(most, "batch")
        try:
            for image in images:
                ahead.append(pool.submit(self._translated, image, given))
                if len(ahead) > most:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def close(self) -> None:
        """Release the model's memory."""
        if self._translator is not None:
            self._translator.close()
        self._translator = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        if self._translator is None:
            return f"<model {self.name}, closed>"
        where, precision = ", ".join(self._translator.devices), self._translator.model.precision
        return f"<model {self.name}: task {self._translator.bundle.task.name}, {self.scale}x, {precision} on {where}>"

    @property
    def _open(self) -> Translator:
        if self._translator is None:
            raise ConfigError(f"model {self.name!r} is closed: load it again")
        return self._translator

    def _condition(self, name: str, value: Any) -> Any:
        task = self._open.bundle.task
        prove_known(task, name)
        kind = conditions_of(task)[name].kind
        if kind == "attributes":
            return value
        if kind == "map":
            return ids_of(value)
        if kind == "pictures":
            return self._code(name, value)
        return parse_condition(task, name, value)

    def _code(self, name: str, value: Any) -> np.ndarray:
        if isinstance(value, np.ndarray) and value.ndim == 1:
            return value
        if _is_path(value) and Path(value).suffix.lower() == ".json":
            return load_code(Path(value), name, self._open.bundle.manifest)
        pictures = list(value) if isinstance(value, list | tuple) else [value]
        return self._open.encode(name, (picture_of(each)[0] for each in pictures))


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _like(image: Any, blank: np.ndarray) -> Any:
    """A colour picture of the kind of a label map."""
    return Image.fromarray(blank) if isinstance(image, Image.Image) else blank
