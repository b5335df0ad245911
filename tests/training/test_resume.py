"""Bit-exact resume of processes that are killed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from small_gan_runs import finish, kill_and_resume, make_place, start

from img2imgkit.training.state import checkpoint

END = "step-000000040.npz"


@pytest.mark.slow
def test_killed_at_three_random_moments_a_training_ends_in_the_same_state(tmp_path: Path) -> None:
    """One digest covers weights, optimizer slots, average, pool of older images and dropout seeds."""
    place, seed = make_place(tmp_path), random.randrange(1 << 32)
    finish(start(place, "whole"))
    moments = sorted(random.Random(seed).sample(range(1, 24), 3))  # long before the end, which a fast run reaches soon
    kill_and_resume(place, "killed", moments, seed)
    whole, killed = (place / name / "checkpoints" / END for name in ("whole", "killed"))
    assert checkpoint.digest(killed) == checkpoint.digest(whole), f"seed {seed}"
    lines = [(place / name / "metrics.jsonl").read_text().count("images_per_second") for name in ("whole", "killed")]
    assert lines[0] == lines[1]
