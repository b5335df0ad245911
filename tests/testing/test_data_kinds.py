"""Contract tests for data kinds: each clause, and a kind that violates it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from pydantic import Field

import img2imgkit as kit
from img2imgkit.data import Findings, Paired, PairedOptions, PairedReader
from img2imgkit.errors import DataError
from img2imgkit.testing import check_data_kind


class MirrorOptions(PairedOptions):
    """Options like those of paired data."""

    kind: Literal["mirror"] = Field(description="pictures and their mirror images")


class MirrorReader(PairedReader):
    """Reads pairs; each test breaks one method."""


class Mirror(Paired):
    """Pictures and their mirror images."""

    Options = MirrorOptions

    def reader(self, geometry: kit.Geometry) -> kit.Reader:
        return MirrorReader(self.options, geometry)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 14, 3), dtype=np.uint8)
        for role in ("source", "target"):
            (tmp_path / role).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / role / f"{number}.png")
    return tmp_path


def check(folder: Path, kind: type[kit.DataKind] = Mirror, **stated: Any) -> None:
    roles = {role: folder / role for role in ("source", "target")}
    options = {"kind": kind.name, "preprocess": "crop", "crop": 8, "batch": 2, **roles, **stated}
    check_data_kind(kind, kind.Options.model_validate(options), folder)


def test_a_good_kind_passes(folder: Path) -> None:
    check(folder)


def changing(name: str, change: Callable[[Any, Any], Any]) -> tuple[str, Any]:
    """Replace the result of a reader's method."""
    made = getattr(PairedReader, name)
    return name, lambda reader, *given: change(reader, made(reader, *given))


def sampling(**changes: Callable[[np.ndarray], Any]) -> tuple[str, Any]:
    """Samples with some arrays changed."""
    return changing(
        "sample", lambda _, sample: {**sample, **{key: of(sample["source"]) for key, of in changes.items()}}
    )


def counted(reader: Any, sample: Mapping[str, Any]) -> Mapping[str, Any]:
    reader.made = getattr(reader, "made", 0) + 1
    return {**sample, "source": sample["source"] / reader.made}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            sampling(more=np.asarray),
            r"sample 5 has the keys \['more', 'source', 'target'\], expected \('source', 'target'",
        ),
        (sampling(source=lambda image: image.astype(np.float64)), "'source' is float64, expected float32 or int32"),
        (sampling(source=lambda image: image.astype(np.int32)), "'source' is int32, expected images as float32"),
        (sampling(source=lambda image: image * 3), r"'source' is in \[-.*\], expected \[-1, 1\]"),
        (sampling(source=lambda image: image * np.float32(np.nan)), "contains NaN"),
        (sampling(source=lambda image: image.tolist()), "'source' is list"),
        (changing("sample", counted), r"a sample depends on more than \(seed, position\)"),
        (changing("batch", lambda _, batch: {**batch, "source": batch["source"][::-1]}), "rows of a batch are not"),
        (changing("verify", lambda *_: []), "verify\\(\\) returned list, expected Findings"),
        (
            changing("verify", lambda *_: Findings(["odd.png: is odd"])),
            r"verify\(\) reports \['odd.png: is odd'\] for readable",
        ),
        (changing("probe", lambda *_: []), "probe finds no picture"),
        (changing("probe", lambda _, found: [(n, {"picture": b["source"]}) for n, b in found]), "'source' is missing"),
        (changing("probe", lambda _, found: [(n, {"source": b["source"][0]}) for n, b in found]), "not a batch of one"),
    ],
)
def test_a_broken_reader_is_reported_with_the_violation(
    folder: Path, monkeypatch: pytest.MonkeyPatch, broken: tuple[str, Any], said: str
) -> None:
    monkeypatch.setattr(MirrorReader, *broken, raising=False)
    with pytest.raises(AssertionError, match=said):
        check(folder)


def test_unreadable_pictures_fail_the_check(folder: Path) -> None:
    (folder / "source" / "3.png").write_bytes(b"no picture")
    with pytest.raises(AssertionError, match=r"the reader reports problems: .*3\.png"):
        check(folder)


def test_a_path_in_the_record_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = property(lambda reader: {"kind": "mirror", "from": str(reader.options.source)})
    monkeypatch.setattr(MirrorReader, "description", described)
    with pytest.raises(AssertionError, match=r"description contains the path .*source; records are shared"):
        check(folder)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DataError("no such folder"), "must be named in a DataError or a problem, got"),
        (OSError("gone"), "raises OSError"),
    ],
)
def test_a_missing_folder_must_be_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    made = PairedReader.__init__

    def failing(reader: Any, options: Any, geometry: kit.Geometry) -> None:
        if not options.source.is_dir():
            raise error
        made(reader, options, geometry)

    monkeypatch.setattr(MirrorReader, "__init__", failing)
    with pytest.raises(AssertionError, match=f"option 'source': a missing .*no-such-folder.* {said}"):
        check(folder)


class Silent(MirrorOptions):
    """One option has no description."""

    kind: Literal["mirror"]


def broken_kind(**parts: Any) -> type[kit.DataKind]:
    return type("Broken", (Mirror,), {"__doc__": "Breaks something.", **parts})


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"__doc__": None}, "Broken has no docstring"),
        ({"Options": Silent}, "no description of kind"),
        ({"keys": ("source", "source")}, "empty or repeated"),
        ({"ids": ("label",)}, r"ids contains \['label'\]"),
        ({"ids": ("source",)}, "'source' contains numbers that are not ids"),
        ({"label_maps": True}, "label_maps is True, but the geometry's ids are None"),
        ({"example_fields": {"names": "of domains"}}, r"example_fields lists \['names'\]"),
        (
            {
                "random_batch": lambda random, images, side, geometry, data: {
                    "source": np.zeros((images, side, side, 3))
                }
            },
            r"random_batch has the keys \['source'\]",
        ),
        (
            {"random_batch": lambda random, images, *_: dict.fromkeys(("source", "target"), np.zeros(3, np.float32))},
            r"random_batch returns 'source' as \(dtype\('float32'\), 1\)",
        ),
    ],
)
def test_a_broken_kind_is_reported_with_the_violation(folder: Path, parts: dict[str, Any], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check(folder, broken_kind(**{k: staticmethod(v) if k == "random_batch" else v for k, v in parts.items()}))
