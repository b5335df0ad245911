"""Odd, broken and hostile files in a pipeline: none stops the batch, and every good one is exact."""

from pathlib import Path

import numpy as np
from corpus import Case, make_corpus
from pipelines_for_tests import pipeline_file, run_file

from img2imgkit.images import decode
from img2imgkit.pipeline import Outcome


def outcomes_of(folder: Path) -> tuple[list[Case], dict[Path, Outcome]]:
    cases = make_corpus(folder / "in")
    result = run_file(pipeline_file(folder, write={"name": "{index:04d}", "format": "tiff"}))
    return cases, {outcome.entry.path: outcome for outcome in result.outcomes}


def test_every_file_has_its_expected_outcome(tmp_path: Path) -> None:
    cases, outcomes = outcomes_of(tmp_path)
    assert len(cases) >= 40
    assert outcomes.keys() == {case.path for case in cases if case.listed}
    wrong = []
    for case in cases:
        if not case.listed:
            continue
        outcome = outcomes[case.path]
        if outcome.status != ("done" if case.good else "failed") or case.reason not in outcome.reason:
            wrong.append(f"{case}: {outcome.status} {outcome.reason}")
        elif case.good:
            wrong += differences(case, Path(outcome.outputs[0]["path"]))
        elif outcome.outputs or case.path.name not in outcome.reason:
            wrong.append(f"{case}: failed with {outcome.outputs}, {outcome.reason!r}")
    assert not wrong, "\n".join(wrong)
    assert len(list((tmp_path / "out").glob("*.tif"))) == sum(case.good and case.listed for case in cases)


def differences(case: Case, path: Path) -> list[str]:
    """Return what differs after reading and writing."""
    picture = decode(path)
    wrong = [] if picture.space == case.space else [f"{case}: written as {picture.space}, was {case.space}"]
    for name, is_now, was in (("color", picture.color, case.color), ("alpha", picture.alpha, case.alpha)):
        if (is_now is None) != (was is None):
            wrong.append(f"{case}: {name} exists on one side only")
        elif is_now is not None and was is not None and (is_now.dtype != was.dtype or not np.array_equal(is_now, was)):
            wrong.append(f"{case}: {name} differs")
    return wrong
