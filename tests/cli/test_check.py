"""``img2img check``."""

import json
from pathlib import Path

import pytest
from pictures import save_pictures
from PIL import Image
from pipelines_for_tests import pipeline_file

pytestmark = pytest.mark.usefixtures("uninstall_everything")


def test_a_valid_pipeline_passes_and_nothing_is_written(img2img, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    path = pipeline_file(tmp_path)
    ended = img2img("check", path)
    assert (ended.code, ended.out) == (0, f"{path}: OK\n")
    assert not (tmp_path / "out").exists()


def test_every_problem_is_shown_and_the_code_is_2(img2img, tmp_path: Path) -> None:
    path = pipeline_file(tmp_path, {"resize": {"scale": "big"}}, write={"quality": 900})
    ended = img2img("check", path)
    assert ended.code == 2
    assert "steps.1.with.scale" in ended.out
    assert "steps.2.with.quality: input should be less than or equal to 100, or 'same', got 900" in ended.out


def test_problems_as_json_have_line_and_column(img2img, tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("name: x\nsteps:\n  - uses: reed\n  - {uses: write, with: {folder: o}}\n")
    problems = json.loads(img2img("check", path, "--json").out)["problems"]
    assert [(p["line"], p["column"], p["key"]) for p in problems] == [(3, 5, "steps.0.uses")]
    assert "did you mean 'read'" in problems[0]["message"]


def test_errors_of_the_plan_are_problems(img2img, tmp_path: Path) -> None:
    save_pictures(tmp_path / "in", "a.png")
    ended = img2img("check", pipeline_file(tmp_path, write={"folder": "in/out"}))
    assert ended.code == 2
    assert "is inside the input" in ended.out


PAIRED_TASK = """\
from pydantic import Field

import img2imgkit as kit


class Painting(kit.Task):
    "One convolution, for paired data."

    name = "painting"
    data = "paired"

    class Options(kit.Config):
        broken: bool = Field(default=False, description="whether the loss has a wrong shape")

    class Weights(kit.Config):
        l1: float = 1.0

    def geometry(self):
        return kit.Geometry(multiple=4)

    def build(self):
        import keras

        image = keras.Input((None, None, 3))
        return kit.Networks({"generator": keras.Model(image, keras.layers.Conv2D(3, 1)(image))})

    def forward(self, nets, batch):
        return {"image": nets["generator"](batch["source"], training=True)}

    def generator_losses(self, nets, batch, out):
        from keras import ops

        difference = ops.abs(out["image"] - batch["target"][:, :3 if self.options.broken else None])
        return {"l1": ops.mean(difference, axis=(1, 2, 3))}

    def translate(self, nets, inputs):
        return nets["generator"](inputs["source"], training=False)


@kit.hookimpl
def register_tasks(register):
    register(Painting)
"""
TRAINING = """\
name: first
task: painting
data: {kind: paired, source: edges, target: photos, preprocess: crop, crop: 8}
training: {steps: 5, generators: {optimizer: {kind: adam, learning_rate: 1e-3}}}
probe: seen
"""


@pytest.fixture
def training_file(tmp_path: Path, install, monkeypatch) -> Path:
    install("painting", PAIRED_TASK)
    monkeypatch.setenv("IMG2IMG_PLUGINS", "painting")
    for folder in ("edges", "photos", "seen"):
        save_pictures(tmp_path / folder, "a.png", "b.png")
    path = tmp_path / "train.yaml"
    path.write_text(TRAINING)
    return path


def test_a_valid_training_file_passes_and_its_folders_are_shown(img2img, training_file: Path) -> None:
    ended = img2img("check", training_file)
    assert ended.code == 0, ended.out
    good, heading, *rows = ended.out.splitlines()
    assert good == f"{training_file}: OK"
    assert heading.split() == ["FOLDER", "PICTURES", "SMALLEST", "LARGEST", "MODES"]
    assert [row.split() for row in rows] == [[n, "2", "16x12", "16x12", "RGB", "2"] for n in ("source", "target")]


def test_every_picture_of_a_training_file_is_decoded_and_every_problem_is_shown(img2img, training_file: Path) -> None:
    folder = training_file.parent
    data = (folder / "edges" / "a.png").read_bytes()
    (folder / "edges" / "a.png").write_bytes(data[:-40])
    save_pictures(folder / "photos", "c.png")
    (folder / "seen" / "b.png").write_text("no picture")
    ended = img2img("check", training_file)
    assert ended.code == 2
    lines = ended.out.splitlines()
    assert len(lines) == 3
    assert "c.png: no source found" in lines[0]
    assert "edges/a.png" in lines[1]
    assert "seen/b.png" in lines[2]


def test_options_that_do_not_fit_the_task_have_line_and_column(img2img, training_file: Path) -> None:
    training_file.write_text(TRAINING.replace("crop: 8", "crop: 9"))
    [problem] = json.loads(img2img("check", training_file, "--json").out)["problems"]
    assert (problem["key"], problem["line"]) == ("data.crop", 3)
    assert "expected a multiple of 4 for this task, got 9" in problem["message"]


def test_findings_are_included_in_json(img2img, training_file: Path) -> None:
    told = json.loads(img2img("check", training_file, "--json").out)
    assert (told["problems"], told["notes"]) == ([], [])
    assert told["contents"][0] == {
        "name": "source", "pictures": 2, "smallest": [16, 12], "largest": [16, 12], "modes": {"RGB": 2},
    }  # fmt: skip


def test_a_pipeline_with_nothing_to_read_is_valid_with_a_warning(img2img, tmp_path):
    (tmp_path / "in").mkdir()
    ended = img2img("check", pipeline_file(tmp_path))
    assert ended.code == 0
    assert f"warning: {tmp_path / 'in'}: no pictures to read" in ended.err


def said(img2img, training_file: Path, old: str, new: str) -> str:
    """The first line about a training file with a change that ``train`` would refuse."""
    training_file.write_text(TRAINING.replace(old, new))
    ended = img2img("check", training_file)
    assert ended.code == 2
    return ended.out.splitlines()[0]


def test_a_step_that_cannot_be_computed_is_a_problem(img2img, training_file: Path) -> None:
    found = said(img2img, training_file, "data:", "options: {broken: true}\ndata:")
    assert "task 'painting' cannot compute a step with these options: " in found


def test_a_best_metric_without_targets_is_a_problem(img2img, training_file: Path) -> None:
    found = said(img2img, training_file, "steps: 5", "steps: 5, best: l1")
    assert "training.best: l1 needs a probe picture with a target" in found


def test_a_stage_that_freezes_an_unknown_network_is_a_problem(img2img, training_file: Path) -> None:
    found = said(img2img, training_file, "steps: 5", "stages: [{name: one, steps: 5, standing: [painter]}]")
    assert "no network 'painter'; expected one of generator" in found


def test_a_probe_of_unknown_subfolders_is_a_problem(img2img, training_file: Path) -> None:
    (training_file.parent / "seen").rename(training_file.parent / "targets")
    (training_file.parent / "seen").mkdir()
    (training_file.parent / "targets").rename(training_file.parent / "seen" / "targets")
    ended = img2img("check", training_file)
    assert ended.code == 2
    assert "unknown subfolder 'targets'; did you mean 'target'?" in ended.out


def test_what_reading_leaves_out_is_told(img2img, training_file: Path) -> None:
    pages = [Image.new("RGB", (16, 12)) for _ in range(3)]
    (training_file.parent / "edges" / "a.png").unlink()
    pages[0].save(training_file.parent / "edges" / "a.tif", save_all=True, append_images=pages[1:])
    clear = Image.new("RGBA", (16, 12), (1, 2, 3, 255))
    clear.putpixel((0, 0), (9, 9, 9, 0))
    clear.save(training_file.parent / "photos" / "b.png")
    ended = img2img("check", training_file)
    assert ended.code == 0, ended.out
    notes = [line for line in ended.out.splitlines() if line.startswith("note: ")]
    assert len(notes) == 2
    assert "edges/a.tif: further pages or frames in the file were left out: 2" in notes[0]
    assert "photos/b.png: transparency is left out" in notes[1]


def test_files_that_are_not_read_are_counted(img2img, training_file: Path) -> None:
    (training_file.parent / "edges" / "drawing.xcf").write_bytes(b"layers")
    (training_file.parent / "photos" / "list.txt").write_text("a")
    notes = json.loads(img2img("check", training_file, "--json").out)["notes"]
    ignored = "files that are not pictures, or cannot be read, are ignored"
    assert f"{training_file.parent}/edges: {ignored}: 1 .xcf" in notes
    assert f"{training_file.parent}/photos: {ignored}: 1 .txt" in notes
