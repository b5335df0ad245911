"""Pipeline files: validated strictly, all problems reported together with their positions."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from pipelines_for_tests import CATALOG

from img2imgkit.config import load_yaml
from img2imgkit.errors import ConfigError
from img2imgkit.pipeline import Pipeline, pipeline_of, read_pipeline

GOOD = """\
name: night
steps:
  - uses: read
    with: {folder: photos}
  - uses: write
    with:
      folder: ../out
"""


def read(tmp_path: Path, text: str, overrides: Iterable[str] = (), **folders: Path) -> Pipeline:
    path = tmp_path / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return pipeline_of(load_yaml(path).with_overrides(overrides), CATALOG, **folders)


def problems(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return [str(problem).removeprefix(str(tmp_path) + "/") for problem in caught.value.problems]


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    pipeline = read(tmp_path, GOOD)
    assert pipeline.source.options.folder == tmp_path / "photos"
    assert pipeline.sinks[0].location() == str(tmp_path.parent / "out")


def test_overrides_are_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/")
    pipeline = read(tmp_path, GOOD, overrides=["steps.0.with.folder=x", "steps.1.with.quality=70"])
    assert pipeline.source.options.folder == Path("/x")
    assert pipeline.sinks[0].options.quality == 70


def test_input_and_output_replace_the_folders(tmp_path: Path) -> None:
    pipeline = read(tmp_path, GOOD, source=Path('/a "b"\\c'), destination=Path("/d"))
    assert pipeline.source.options.folder == Path('/a "b"\\c')
    assert pipeline.sinks[0].location() == "/d"


def test_a_folder_replaces_an_overridden_one_too(tmp_path: Path) -> None:
    pipeline = read(tmp_path, GOOD, overrides=["steps.1.with.folder=/x"], destination=Path("/d"))
    assert pipeline.sinks[0].location() == "/d"


def test_an_input_folder_that_cannot_be_replaced_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^input folder: steps\.0\.with\.folder: cannot set a value at"):
        read(tmp_path, "name: x\nsteps: 3", source=Path("/a"))


def test_sinks_inside_the_main_folder_are_moved_with_it(tmp_path: Path) -> None:
    sinks = "".join(f"  - {{uses: write, with: {{folder: {folder}}}}}\n" for folder in ("elsewhere", "out", "out/deep"))
    pipeline = read(
        tmp_path, f"name: x\nsteps:\n  - {{uses: read, with: {{folder: i}}}}\n{sinks}", destination=Path("/d")
    )
    assert [sink.location() for sink in pipeline.sinks] == [str(tmp_path / "elsewhere"), "/d", "/d/deep"]
    assert pipeline.main_sink is pipeline.sinks[1]


def test_all_problems_are_reported_with_line_and_column(tmp_path: Path) -> None:
    text = GOOD.replace("folder: photos", "foldr: photos, recursive: 1").replace("uses: write", "uses: wriet")
    assert problems(tmp_path, text) == [
        "p.yaml:4:5: steps.0.with.folder: is required",
        "p.yaml:4:12: steps.0.with.foldr: unknown option; did you mean 'folder'?",
        "p.yaml:4:27: steps.0.with.recursive: input should be a valid boolean, got 1",
        "p.yaml:5:5: steps.1.uses: no step 'wriet' is installed; did you mean 'write'?",
    ]


def test_the_order_of_steps(tmp_path: Path) -> None:
    text = "name: x\nsteps:\n  - {uses: write, with: {folder: o}}\n  - {uses: read, with: {folder: i}}\n"
    assert problems(tmp_path, text) == [
        "p.yaml:3:6: steps.0.uses: the first step must be a source, such as read; 'write' is a sink",
        "p.yaml:4:6: steps.1.uses: 'read' is a source, and only the first step can be one",
        "p.yaml:4:6: steps.1.uses: the last step must be a sink, such as write; after 'read' the result would be lost",
    ]


def test_unknown_keys_of_the_file_and_of_a_step(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD.replace("    with: {", "    wiht: {") + "colour: red\n")
    assert found == [
        "p.yaml:4:5: steps.0.wiht: unknown option; did you mean 'with'?",
        "p.yaml:8:1: colour: unknown option",
    ]


@pytest.mark.parametrize("text", ["", "[]", "name: x", "name: x\nsteps: 3", "name: x\nsteps: [1, 2]", "name: [\n"])
def test_a_file_that_is_not_a_pipeline_is_refused(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read it: No such file"):
        read_pipeline(tmp_path / "none.yaml", CATALOG)
