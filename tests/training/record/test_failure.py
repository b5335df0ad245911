"""What ended a training, in words."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import tensorflow as tf

from img2imgkit.errors import DataError, TrainingError
from img2imgkit.training.record.failure import described, precedes_updates


def raised(call: Callable[[], object]) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return caught.value


def mistaken(value: object) -> object:
    raise ValueError("a mistake of a plugin")


def in_graph() -> object:
    """A function of Python that TensorFlow calls while the graph runs."""
    return tf.function(lambda x: tf.py_function(mistaken, [x], tf.float32), autograph=False)(tf.constant(1.0))


def test_an_error_inside_a_graph_is_told_by_its_own_words() -> None:
    error = raised(in_graph)
    assert described(error, 3).startswith("step 3: InvalidArgumentError: ValueError: a mistake of a plugin (")
    assert not precedes_updates(error)


def test_an_error_while_the_graph_is_built_names_the_line_of_its_author() -> None:
    error = raised(lambda: tf.function(mistaken, autograph=False)(1.0))
    said = described(error, 3)
    assert said.startswith("step 3: ValueError: a mistake of a plugin (")
    assert "test_failure.py, line " in said
    assert "in mistaken). " in said
    assert "then resume the run" in said
    assert precedes_updates(error)


def test_the_device_without_memory_says_what_a_resumed_run_may_change() -> None:
    text = "{{function_node f}} OOM when allocating tensor with shape[3]\n\t [[{{node zeros}}]]\nHint: If you want"
    error = tf.errors.ResourceExhaustedError(None, None, text)
    said = described(error, 3)
    assert said.startswith("step 3: out of memory on the device (OOM when allocating tensor with shape[3]). ")
    assert "training.micro_batches" in said
    assert not precedes_updates(error)


def test_our_own_errors_keep_their_words() -> None:
    assert described(TrainingError("the disk is full"), 3) == "the disk is full"
    assert described(DataError("a.png: is damaged"), 3).startswith("step 3: a.png: is damaged. Repair or remove this")


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError(), RuntimeError("x" * 1000)])
def test_an_error_may_say_nothing_or_much(error: Exception) -> None:
    said = described(error, 3)
    assert ": ." not in said
    assert len(said) < 500


def test_a_key_pressed_in_a_step_leaves_its_state_unknown() -> None:
    assert not precedes_updates(KeyboardInterrupt())
