"""``img2img verify``, and ``img2img run`` with ``--prune``."""

import json
from pathlib import Path

import pytest
from pictures import save_pictures
from pipelines_for_tests import pipeline_file, run_file

pytestmark = pytest.mark.usefixtures("uninstall_everything")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    save_pictures(tmp_path / "in", "a.png", "b.png", "c.png")
    run_file(pipeline_file(tmp_path))
    return tmp_path / "out"


def test_all_is_well(img2img, out: Path) -> None:
    result = img2img("verify", out)
    assert (result.code, result.out) == (0, f"{out}: 3 outputs compared, 0 not as written\n")


def test_every_wrong_output_is_named_and_the_exit_code_is_1(img2img, out: Path) -> None:
    (out / "a.png").unlink()
    (out / "b.png").write_bytes(b"")
    result = img2img("verify", out)
    assert result.code == 1
    *named, summary = result.out.splitlines()
    assert sorted(named) == [f"changed: {out / 'b.png'}", f"missing: {out / 'a.png'}"]
    assert summary == f"{out}: 3 outputs compared, 2 not as written"
    stated = json.loads(img2img("verify", out, "--json").out)
    assert stated == {
        "folder": str(out),
        "outputs": 3,
        "compared": 3,
        "problems": [
            {"path": str(out / "a.png"), "problem": "missing"},
            {"path": str(out / "b.png"), "problem": "changed"},
        ],
    }


def test_a_sample_says_that_it_is_one(img2img, out: Path) -> None:
    assert "2 of 3 outputs compared" in img2img("verify", out, "--sample", 2).out


def test_prune_lists_and_only_yes_removes(img2img, out: Path) -> None:
    file = out.parent / "pipeline.yaml"
    (out.parent / "in" / "a.png").unlink()
    (out.parent / "in" / "b.png").unlink()
    (out / "b.png").write_bytes(b"edited")
    for arguments in (("--prune",), ("--prune", "--yes", "--dry-run")):
        result = img2img("run", file, *arguments)
        assert result.code == 0
        assert f"unchanged  {out / 'a.png'}  (no {out.parent / 'in' / 'a.png'})\n" in result.out
        assert "gone: 1 changed and kept, 1 unchanged\n" in result.out
    assert (out / "a.png").exists()
    result = img2img("run", file, "--prune", "--yes", "--json")
    stated = sorted((each["state"], each["reason"]) for each in json.loads(result.out)["outputs"])
    assert stated == [("changed and kept", "changed"), ("removed", "")]
    assert {path.name for path in out.glob("*.png")} == {"b.png", "c.png"}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [(["--yes"], "--yes is for --prune"), (["--prune", "--limit", "1"], "--prune considers all outputs")],
)
def test_options_that_do_not_go_together_are_usage_errors(
    img2img, out: Path, arguments: list[str], problem: str
) -> None:
    result = img2img("run", out.parent / "pipeline.yaml", *arguments)
    assert (result.code, problem in result.err) == (2, True)


def test_a_folder_without_a_ledger_is_a_usage_error(img2img, out: Path) -> None:
    result = img2img("verify", out.parent / "in")
    assert (result.code, result.out) == (2, "")
    assert "no run has written here" in result.err
