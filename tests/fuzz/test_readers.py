"""Mutated files are read, or refused with an error that says why: never a crash, a hang or another error.

``IMG2IMGKIT_FUZZ=20000 pytest tests/fuzz`` reads more of each kind than the default, with new ones each time; a failure
prints the smallest file that hypothesis finds, and is repeated first the next time.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest
from fuzz.mutations import mutated
from fuzz.targets import TARGETS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("IMG2IMGKIT_FUZZ", "0"))
ALL = settings(
    max_examples=EXAMPLES or 200,
    derandomize=not EXAMPLES,
    database=None if not EXAMPLES else settings.default.database,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_a_mutated_file_is_read_or_refused(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    seeds = target.seeds(tmp_path)

    @ALL
    @given(st.data())
    def read(data: st.DataObject) -> None:
        made = data.draw(mutated(seeds, target.tokens))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            reason = "none is needed"
            try:
                target.read(tmp_path, made)
            except target.allowed as error:
                reason = str(error)
            assert reason

    read()


@pytest.mark.parametrize("name", TARGETS)
def test_the_files_to_start_from_are_sound(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    seeds = target.seeds(tmp_path)
    assert seeds
    if name != "metadata":
        for seed in seeds:
            target.read(tmp_path, seed)


def test_a_fault_of_a_reader_is_found() -> None:
    def read(made: bytes) -> None:
        if made.startswith(b"\xff\xff"):
            raise IndexError

    @ALL
    @given(mutated([b"sound file"]))
    def fuzz(made: bytes) -> None:
        read(made)

    with pytest.raises(IndexError):
        fuzz()
