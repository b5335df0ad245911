"""Exports that fail or would be wrong: the error states the cause, and no files are left behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_tasks import Plain, loaded

from img2imgkit import backend
from img2imgkit.errors import ConfigError, ExportError
from img2imgkit.exchange import Exporter, Form, Program
from img2imgkit.exporting import ExportOptions, OnnxExporter, SavedModelExporter, TfliteExporter, export_bundle
from img2imgkit.exporting.proof import called

Run = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]


@pytest.fixture(scope="module", autouse=True)
def keras() -> None:
    backend.load()


class Kept(Exporter):
    """Writes only the description and runs the original programs, with ``spoil`` applied to their outputs."""

    name = "kept"
    suffix = ".kept"

    def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
        import json

        path.write_text(json.dumps(about))
        self.programs = {program.name: program for program in programs}

    def open(self, path: Path) -> Run:
        return lambda name, arrays: {key: self.spoil(each) for key, each in called(self.programs[name], arrays).items()}

    def about(self, path: Path) -> str:
        return path.read_text()

    def spoil(self, made: np.ndarray) -> Any:
        return made


def spoilt(change: Callable[[np.ndarray], Any]) -> Exporter:
    exporter = Kept()
    exporter.spoil = change  # type: ignore[method-assign]
    return exporter


def test_a_faithful_format_passes(tmp_path: Path) -> None:
    assert export_bundle(loaded(Plain), Kept(), tmp_path / "m.kept").differences == {"translate": 0.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda made: made + 1e-3, r"translate of 1 x 8x9: 'output' differs by 0.000\d+ .*; 0.0001 is allowed"),
        (lambda made: made + 1e-3 * (len(made) == 3), "translate of 3 x 8x9"),
        (lambda made: made + 1e-3 * (made.shape[1] > 18), "translate of 1 x 10x11"),
        (lambda made: np.where(made == made.max(), np.nan, made), "'output' contains NaN or infinity"),
        (
            lambda made: made[:, 1:],
            r"'output' is float32 \(1, 15, 18, 3\), but the networks return float32 \(1, 16, 18, 3\)",
        ),
        (lambda made: made.astype(np.float64), "is float64"),
    ],
)
def test_a_wrong_output_is_detected(change: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=message):
        export_bundle(loaded(Plain), spoilt(change), tmp_path / "m.kept")
    assert list(tmp_path.iterdir()) == []


def test_one_level_of_rounding_is_accepted_and_two_are_refused(tmp_path: Path) -> None:
    def shifted(levels: int) -> Any:
        return lambda made: np.clip(made.astype(int) + levels, 0, 255).astype(np.uint8)

    settings = ExportOptions(image_io="uint8")
    export_bundle(loaded(Plain), spoilt(shifted(1)), tmp_path / "m.kept", settings)
    with pytest.raises(ExportError, match="differs by 2 levels"):
        export_bundle(loaded(Plain), spoilt(shifted(2)), tmp_path / "n.kept", settings)


@pytest.mark.parametrize("exporter", [OnnxExporter, SavedModelExporter])
def test_a_task_whose_graph_differs_from_its_eager_result_is_refused(exporter: type[Exporter], tmp_path: Path) -> None:
    class Moody(Plain):
        calls = 0

        def translate(self, nets: Any, inputs: Mapping[str, Any]) -> Any:
            self.calls += 1
            return nets["generator"](inputs["source"], training=False) + 0.01 * self.calls

    with pytest.raises(ExportError, match="translate of 1 x 8x9: 'output' differs by"):
        export_bundle(loaded(Moody), exporter(), tmp_path / f"m{exporter.suffix}")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("exporter", "message"),
    [
        (OnnxExporter, "translate cannot be converted to ONNX, opset 18: .*Betainc"),
        (TfliteExporter, "TensorFlow Lite cannot represent it: it has no operator for Betainc"),
    ],
)
def test_an_unsupported_operator_is_named(exporter: type[Exporter], message: str, tmp_path: Path) -> None:
    class Strange(Plain):
        def translate(self, nets: Any, inputs: Mapping[str, Any]) -> Any:
            import tensorflow as tf

            made = nets["generator"](inputs["source"], training=False)
            return made + tf.math.betainc(tf.ones_like(made), tf.ones_like(made), tf.sigmoid(made))

    with pytest.raises(ExportError, match=message):
        export_bundle(loaded(Strange), exporter(), tmp_path / f"m{exporter.suffix}", ExportOptions(program="translate"))
    assert list(tmp_path.iterdir()) == []


class TestPlaces:
    def test_ctrl_c_leaves_nothing(self, tmp_path: Path) -> None:
        class Interrupted(Kept):
            def open(self, path: Path) -> Run:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export_bundle(loaded(Plain), Interrupted(), tmp_path / "m.kept")
        assert list(tmp_path.iterdir()) == []

    def test_a_full_disk_is_reported_and_leaves_nothing(self, tmp_path: Path) -> None:
        class Full(Kept):
            def write(self, programs: Sequence[Program], path: Path, about: Mapping[str, Any], form: Form) -> None:
                path.write_text("half")
                raise OSError(28, "No space left on device")

        with pytest.raises(ExportError, match=r"m\.kept: cannot write it: No space left on device"):
            export_bundle(loaded(Plain), Full(), tmp_path / "m.kept")
        assert list(tmp_path.iterdir()) == []

    def test_a_read_only_folder_is_reported(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ExportError, match=r"m\.kept: cannot write there"):
            export_bundle(loaded(Plain), Kept(), tmp_path / "file" / "m.kept")

    def test_missing_folders_are_created_and_removed_again_after_a_failure(self, tmp_path: Path) -> None:
        place = tmp_path / "served" / "plain"
        with pytest.raises(ExportError, match="differs"):
            export_bundle(loaded(Plain), spoilt(lambda made: made + 1), place / "m.kept")
        assert list(tmp_path.iterdir()) == []
        export_bundle(loaded(Plain), Kept(), place / "m.kept")
        assert [each.name for each in place.iterdir()] == ["m.kept"]

    def test_an_existing_export_stays_unless_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "m.kept"
        path.write_text("old")
        with pytest.raises(ExportError, match=r"m\.kept: already exists"):
            export_bundle(loaded(Plain), Kept(), path)
        with pytest.raises(ExportError, match="differs"):
            export_bundle(loaded(Plain), spoilt(lambda made: made + 1), path, replacing=True)
        assert path.read_text() == "old"
        export_bundle(loaded(Plain), Kept(), path, replacing=True)
        assert path.read_text() != "old"

    def test_only_exported_folders_are_replaced(self, tmp_path: Path) -> None:
        mine, made = tmp_path / "mine", tmp_path / "made"
        mine.mkdir()
        (mine / "diary.txt").write_text("dear")
        with pytest.raises(ExportError, match="mine: an existing folder that is not an export"):
            export_bundle(loaded(Plain), Kept(), mine, ExportOptions(program="all"), replacing=True)
        for _ in range(2):
            export_bundle(loaded(Plain), Kept(), made, ExportOptions(program="all"), replacing=True)
        assert {each.name for each in tmp_path.iterdir()} == {"mine", "made"}
        assert (mine / "diary.txt").read_text() == "dear"


@pytest.mark.parametrize(
    ("options", "name", "message"),
    [
        (ExportOptions(), "m.onnx", "a file in format kept must end in .kept"),
        (ExportOptions(program="translat"), "m.kept", "no program 'translat'; did you mean 'translate'"),
        (ExportOptions(precision="float16"), "m.kept", "kept cannot be written in float16; it supports float32"),
        (ExportOptions(calibrate=Path()), "m.kept", "precision int8 and 'calibrate'"),
        (ExportOptions(choices={"direction": "up"}), "m.kept", "direction"),
    ],
)
def test_unsuitable_options_are_refused(options: ExportOptions, name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        export_bundle(loaded(Plain), Kept(), tmp_path / name, options)
