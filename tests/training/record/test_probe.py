"""The probe: scores, sheets and variety of fixed pictures."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import toy_metrics
from tiny_tasks import Tinted, loaded

from img2imgkit.errors import TrainingError
from img2imgkit.metrics import L1, PairMetric, Psnr, PsnrY, Ssim, SsimY, psnr, rgb_to_y
from img2imgkit.task import Geometry
from img2imgkit.training.record.probe import MAX_ROWS, Probe, probe_metrics
from img2imgkit.training.record.sheet import GAP, SIDE

METRICS = (L1(), Psnr(), Ssim())
GREY = np.full((1, 10, 12, 3), 0.2, np.float32)


def noise(seed: int, height: int = 24, width: int = 20) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (1, height, width, 3)).astype(np.float32)


def halved(target: np.ndarray) -> dict[str, np.ndarray]:
    return {"source": target[:, ::2, ::2], "target": target}


def doubled(inputs: Any) -> Any:
    import tensorflow as tf

    return tf.repeat(tf.repeat(inputs["source"], 2, axis=1), 2, axis=2)


def probe_of(
    *batches: dict[str, np.ndarray],
    translate: Any = doubled,
    metrics: tuple[PairMetric, ...] = METRICS,
    **geometry: int,
) -> Probe:
    """A probe of a task with this ``translate``."""
    named = [(f"p{number}", batch) for number, batch in enumerate(batches)]
    task = SimpleNamespace(
        translate=lambda nets, inputs: translate(inputs),
        geometry=lambda: Geometry(**{"scale": 2, **geometry}),
        data="paired",
    )
    reader: Any = SimpleNamespace(probe=lambda folder: named)
    return Probe(reader, Path("probe"), task, None, metrics)  # type: ignore[arg-type]


def test_equal_pictures_reach_the_best_score_of_each_metric() -> None:
    look = probe_of(halved(np.repeat(GREY, 2, axis=1))).evaluate()
    assert look.scores == {
        "psnr": {"mean": 99.0, "p0": 99.0}, "ssim": {"mean": 1.0, "p0": 1.0}, "l1": {"mean": 0.0, "p0": 0.0},
    }  # fmt: skip


def test_scores_are_of_rounded_levels() -> None:
    scores = probe_of(halved(GREY), translate=lambda inputs: doubled(inputs) / 2).evaluate().scores
    levels = round(1.2 * 127.5) - round(1.1 * 127.5)
    assert scores["psnr"]["p0"] == pytest.approx(20 * np.log10(255 / levels))
    assert scores["l1"]["mean"] == levels


def test_ssim_is_left_out_where_a_picture_is_smaller_than_its_window() -> None:
    small = probe_of(halved(GREY))
    assert small.metrics == {"psnr", "l1"}
    assert small.evaluate().scores.keys() == {"psnr", "l1"}
    assert probe_of(halved(noise(0)), halved(GREY)).evaluate().scores["ssim"].keys() == {"mean", "p0"}


def test_metrics_are_measured_under_their_first_protocol() -> None:
    """Here luma, with a border as wide as the scale removed; 8x8 is then too small for SSIM."""
    large, small = noise(1, 20, 24), noise(2, 12, 12)
    scores = probe_of(halved(large), halved(small), metrics=(PsnrY(), SsimY())).evaluate().scores
    made = [(np.floor((each[0] + 1) * 127.5 + 0.5)) for each in (large, large[:, ::2, ::2].repeat(2, 1).repeat(2, 2))]
    luma = [np.floor(rgb_to_y(each[2:-2, 2:-2]) + 0.5) for each in made]
    assert scores["psnr_y"]["p0"] == pytest.approx(psnr(*luma))
    assert scores["psnr_y"].keys() == {"mean", "p0", "p1"}
    assert scores["ssim_y"].keys() == {"mean", "p0"}


def test_pictures_without_target_are_shown_but_not_scored() -> None:
    probe = probe_of({"source": noise(0)}, {"source": noise(1)})
    look = probe.evaluate()
    assert look.scores == {}
    assert probe.metrics == frozenset()
    assert look.sheet.shape[1] == 2 * SIDE + GAP


def test_sheet_shows_source_output_and_target_side_by_side() -> None:
    sheet = probe_of(halved(GREY), halved(GREY), translate=lambda inputs: doubled(inputs) * 0).evaluate().sheet
    assert sheet.shape == (2 * SIDE + GAP, 3 * SIDE + 2 * GAP, 3)
    cells = [sheet[5, 6 + n * (SIDE + GAP)] for n in range(3)]
    assert [int(cell[0]) for cell in cells] == [153, 128, 153]
    assert (sheet[:, SIDE : SIDE + GAP] == 255).all()


def test_small_pictures_fill_their_cells() -> None:
    sheet = probe_of(halved(GREY)).evaluate().sheet
    factor = SIDE // max(GREY.shape[1:3])
    assert (sheet[: factor * GREY.shape[1], : factor * GREY.shape[2]] == 153).all()


def test_a_sheet_combines_rows_with_and_without_target() -> None:
    sheet = probe_of(halved(GREY), {"source": GREY[:, ::2, ::2]}).evaluate().sheet
    assert sheet[5, 6 + 2 * (SIDE + GAP), 0] == 153
    assert (sheet[SIDE + GAP :, 2 * SIDE + GAP :] == 255).all()


def test_class_ids_are_shown_as_greys() -> None:
    classes = np.repeat(np.arange(4, dtype=np.float32), 3)[None, None, :, None].repeat(8, axis=1)
    sheet = probe_of({"source": classes}).evaluate().sheet
    assert [int(sheet[3, column, 0]) for column in (0, 48, 96, 144)] == [0, 85, 170, 255]


def test_large_pictures_are_centre_cropped_and_long_lists_truncated() -> None:
    large = np.zeros((1, 400, 300, 3), np.float32)
    large[:, 200, 150] = 1
    look = probe_of(*[halved(large)] * (MAX_ROWS + 3)).evaluate()
    assert len(look.scores["psnr"]) == 1 + MAX_ROWS + 3
    assert look.sheet.shape[0] == MAX_ROWS * (SIDE + GAP) - GAP
    assert look.sheet[SIDE // 2, -SIDE // 2].max() == 255


def test_pictures_are_padded_to_the_size_that_networks_need() -> None:
    def strict(inputs: Any) -> Any:
        assert inputs["source"].shape[1] in (None, 32)
        return inputs["source"]

    picture = noise(0, 17, 20)
    scores = probe_of({"source": picture, "target": picture}, translate=strict, scale=1, multiple=16).evaluate().scores
    assert scores["l1"]["mean"] == 0


def tinted(batch: dict[str, np.ndarray]) -> Probe:
    """A probe of a task with a style picture and one of two tints as conditions."""
    made = loaded(Tinted)
    return Probe(SimpleNamespace(probe=lambda folder: [("p", batch)]), Path("probe"), made.task, made.nets)  # type: ignore[arg-type]


def test_the_sheet_shows_pictures_of_conditions_and_an_output_per_value() -> None:
    style = np.full((1, 8, 8, 3), 1.0, np.float32)
    sheet = tinted({"source": GREY, "style": style}).evaluate().sheet
    assert sheet.shape[1] == 4 * SIDE + 3 * GAP
    cells = [sheet[20, 20 + n * (SIDE + GAP)].tolist() for n in range(4)]
    assert cells[1] == [255, 255, 255]
    red, blue = cells[2:]
    assert red[::-1] == blue
    assert red[0] > red[2]


def test_an_input_that_is_missing_is_named_with_its_picture() -> None:
    with pytest.raises(TrainingError, match="probe: 'p': task 'tiny-tinted' needs 'style'"):
        tinted({"source": GREY})


def test_a_target_of_another_size_is_named() -> None:
    with pytest.raises(TrainingError, match=r"the target of 'p0' is 20x24, but the task's output is 40x48"):
        probe_of({"source": noise(0), "target": noise(0)})


def test_variety_is_one_when_outputs_differ_as_the_truth_does() -> None:
    assert probe_of(*[halved(noise(n).repeat(2, axis=1)) for n in range(3)]).evaluate().variety == pytest.approx(
        1, abs=0.2
    )


def test_variety_is_none_without_something_to_compare() -> None:
    assert probe_of(halved(noise(0))).evaluate().variety is None
    assert probe_of(halved(noise(0)), halved(noise(0))).evaluate().variety is None


def test_outputs_that_are_all_the_same_have_no_variety_though_they_are_not_flat() -> None:
    same = noise(9, 12, 10)
    look = probe_of(
        halved(noise(0)), halved(noise(1)), translate=lambda inputs: doubled({"source": inputs["source"] * 1e-4 + same})
    ).evaluate()
    assert look.variety is not None
    assert look.variety < 0.01
    assert not look.flat


def test_outputs_of_one_colour_each_are_flat_though_they_differ() -> None:
    look = probe_of(
        {"source": GREY}, {"source": -GREY}, translate=lambda inputs: doubled(inputs)[:, :1, :1] + doubled(inputs) * 0
    ).evaluate()
    assert look.flat


def test_a_probe_measures_every_metric_of_eight_bit_pairs_and_the_one_of_the_best() -> None:
    metrics = {metric.name: metric for metric in (L1, Psnr, PsnrY, Ssim, *toy_metrics.ALL)}
    assert [metric.name for metric in probe_metrics(metrics)] == ["l1", "psnr", "ssim", "worst"]
    assert [metric.name for metric in probe_metrics(metrics, "psnr_y")] == ["l1", "psnr", "psnr_y", "ssim", "worst"]


def test_a_probe_leaves_out_metrics_that_are_not_measured_by_default_unless_they_decide_the_best() -> None:
    shy = type("Shy", (toy_metrics.Worst,), {"name": "shy", "by_default": False})
    metrics = {metric.name: metric for metric in (L1, shy)}
    assert [metric.name for metric in probe_metrics(metrics)] == ["l1"]
    assert [metric.name for metric in probe_metrics(metrics, "shy")] == ["l1", "shy"]


def test_a_metric_that_fails_is_named_with_its_picture() -> None:
    silent = type("Silent", (toy_metrics.Worst,), {"compare": lambda *_: float("nan")})
    with pytest.raises(TrainingError, match="probe: cannot score 'p0': metric 'worst' returned nan"):
        probe_of(halved(GREY), metrics=(silent(),)).evaluate()
