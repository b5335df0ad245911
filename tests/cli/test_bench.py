import json

import pytest

from img2imgkit.benchmark import Contender, Result
from img2imgkit.cli import bench

MEASURED = Contender("openvino", "1.0", "cpu", "float32", auto=True)
UNABLE = Contender("onnxruntime", "1.0", "cpu", "float32", why_not="the model has no ONNX form")


@pytest.fixture
def measured(monkeypatch):
    """What ``measure`` is asked for, and what it answers."""
    asked = []

    def measure(reference, base, candidates, extents):
        asked.append((reference, extents))
        able = Result(reference, MEASURED, (2.0, 4.0, 5.0), 1.5, 7 << 20)
        return [able, Result(reference, UNABLE, problem=UNABLE.why_not)]

    monkeypatch.setattr(bench, "measure", measure)
    return asked


def test_the_table_has_medians_the_spread_and_what_auto_chooses(img2img, measured):
    answer = img2img("bench", "sr-compact-x2", "--size", "640x360", "--rounds", "3", "--seconds", "0.5")
    head, row, why = answer.out.splitlines()
    assert head.split()[:5] == ["MODEL", "ENGINE", "DEVICE", "PRECISION", "AUTO"]
    assert row.split() == [
        "sr-compact-x2",
        "openvino",
        "cpu",
        "float32",
        "yes",
        "4.00",
        "2.00",
        "-",
        "5.00",
        "1.50",
        "7",
        "MiB",
    ]
    assert why == "sr-compact-x2: onnxruntime on cpu in float32 cannot run it: the model has no ONNX form"
    ((reference, extents),) = measured
    assert (reference, extents.width, extents.height) == ("sr-compact-x2", 640, 360)
    assert (extents.rounds, extents.seconds) == (3, 0.5)


def test_without_a_bundle_all_installed_ones_are_measured(img2img, measured):
    img2img("bench", "--size", "64")
    assert {reference for reference, _ in measured} == {"sr-compact-x2", "sr-compact-x4", "stargan-typefaces"}
    assert {(extents.width, extents.height) for _, extents in measured} == {(64, 64)}


def test_json_has_all_rounds(img2img, measured):
    about = json.loads(img2img("bench", "sr-compact-x2", "--json").out)
    able, unable = about["results"]
    assert (able["rounds"], able["pictures_per_second"], able["auto"]) == ([2.0, 4.0, 5.0], 4.0, True)
    assert (able["peak_bytes"], able["megapixels_per_second"]) == (7 << 20, 1.5)
    assert (unable["rounds"], unable["pictures_per_second"]) == ([], None)
    assert unable["problem"] == "the model has no ONNX form"
    assert about["cores"] >= 1


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--size", "0"], "--size 0: expected WIDTHxHEIGHT or one number, 1 to 32768"),
        (["--size", "12x"], "--size 12x: expected"),
        (["--size", "99999"], "--size 99999: expected"),
        (["--engine", "openvin"], "no engine 'openvin'; did you mean 'openvino'"),
        (["--precision", "int4"], "'int4' is not one of"),
        (["--rounds", "0"], "0 is not in the range"),
        (["nowhere"], "nowhere"),
    ],
)
def test_bad_input_is_an_error_before_anything_runs(img2img, measured, arguments, text):
    answer = img2img("bench", *(["sr-compact-x2"] if arguments[0].startswith("-") else []), *arguments)
    assert answer.code == 2
    assert text in answer.err
    assert measured == []


def test_an_engine_that_fails_makes_the_command_fail(img2img, monkeypatch):
    monkeypatch.setattr(bench, "measure", lambda name, *_: [Result(name, MEASURED, problem="it fell over")])
    answer = img2img("bench", "sr-compact-x2")
    assert answer.code == 1
    assert answer.out == "sr-compact-x2: openvino on cpu in float32 failed: it fell over\n"


@pytest.mark.slow
def test_real_engines(img2img):
    answer = img2img(
        "bench", "sr-compact-x2", "--size", "48", "--rounds", "2", "--seconds", "0", "--precision", "float32", "--json"
    )
    found = json.loads(answer.out)["results"]
    measured = {each["engine"]: each for each in found if each["rounds"]}
    assert {"tensorflow", "openvino", "onnxruntime"} <= {*measured}
    assert all(len(each["rounds"]) == 2 and each["peak_bytes"] > 30 << 20 for each in measured.values())
    assert measured["openvino"]["peak_bytes"] < measured["tensorflow"]["peak_bytes"]
    assert [each["engine"] for each in found if each["auto"] and each["precision"] == "float32"] == ["openvino"]
