"""Show where a training step's processor time goes, operation by operation, beside what this processor can do.

    python benchmarks/profile_step.py pix2pix [--precision mixed_bfloat16]

TensorFlow runs on one thread, so that time and processor time are the same, and each operation counts with its fastest
run, so that other work on the machine hardly matters. The first table measures the processor: a matrix product of
2048 x 2048, and a convolution of 3x3 from 256 to 256 channels on 64x64 pixels. The last row of the second table is the
time that all products of the step would take at the rate of the matrix product.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import our_steps
import report

FAMILIES = {  # by part of an operation's type; the first that fits
    "BackpropFilter": "kernel gradients of convolutions",
    "BackpropInput": "input gradients, transposed convolutions",
    "Conv": "convolutions, gradients of transposed ones",
    "MatMul": "matrix products",
}


def fastest(call: Callable[[], Any], rounds: int) -> float:
    """Return the least processor time of a call, in seconds."""
    call()
    found = []
    for _ in range(rounds):
        began = time.process_time()
        call()
        found.append(time.process_time() - began)
    return min(found)


def rates(rounds: int, tiny: bool) -> Iterator[tuple[str, str, float]]:
    """Yield what is measured, the type, and operations per second of one thread."""
    import tensorflow as tf

    side, channels, pixels = (64, 8, 16) if tiny else (2048, 256, 64)
    for dtype in (tf.float32, tf.bfloat16):
        matrix = tf.Variable(tf.cast(tf.random.normal((side, side)), dtype))
        product = tf.function(lambda matrix=matrix: tf.matmul(matrix, matrix))
        yield "matrix product", dtype.name, 2 * side**3 / fastest(product, rounds)
        image = tf.Variable(tf.cast(tf.random.normal((1, pixels, pixels, channels)), dtype))
        kernel = tf.Variable(tf.cast(tf.random.normal((3, 3, channels, channels)), dtype))
        convolved = tf.function(lambda image=image, kernel=kernel: tf.nn.conv2d(image, kernel, 1, "SAME"))
        yield "convolution", dtype.name, 18 * pixels**2 * channels**2 / fastest(convolved, rounds)


def family(kind: str) -> str:
    """What an operation's type is called in the table."""
    plain = kind.removeprefix("_MklNative").removeprefix("_Mkl")
    return next((name for part, name in FAMILIES.items() if part in plain), plain)


def products(graph: Any) -> Counter[str]:
    """Multiplications and additions of a graph, by family."""
    found: Counter[str] = Counter()
    for operation in graph.get_operations():
        shapes = [list(tensor.shape) if tensor.shape.rank else [] for tensor in operation.inputs]
        match operation.type:
            case "Conv" | "Conv2D":
                count = math.prod(operation.outputs[0].shape) * math.prod(shapes[1][:3])
            case "Conv2DBackpropInput":
                count = math.prod(shapes[2]) * math.prod(shapes[1][:3])
            case "Conv2DBackpropFilter":
                count = math.prod(shapes[2]) * math.prod(operation.outputs[0].shape[:3])
            case "MatMul":
                count = math.prod(operation.outputs[0].shape) * shapes[0][0 if operation.get_attr("transpose_a") else 1]
            case _:
                continue
        found[family(operation.type)] += 2 * count
    return found


def milliseconds(step: our_steps.Step, rounds: int) -> tuple[Counter[str], Counter[str]]:
    """Return the time and the number of operations in a step, by family."""
    import tensorflow as tf
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder, tf.profiler.experimental.ProfilerOptions(host_tracer_level=2)):
            for number in range(rounds):
                step(number)
        [path] = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(path.read_bytes())
    runs: dict[str, list[float]] = defaultdict(list)
    for plane in space.planes:
        for event in (event for line in plane.lines for event in line.events):
            runs[plane.event_metadata[event.metadata_id].name].append(event.duration_ps / 1e9)
    times: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for name, found in runs.items():
        place, _, kind = name.partition(":")
        if " " not in place and kind.isidentifier() and len(found) >= rounds:  # an operation of the graph: place:kind
            each = round(len(found) / rounds)
            times[family(kind)] += each * min(found)  # type: ignore[assignment]
            counts[family(kind)] += each
    return times, counts


def rows(step: our_steps.Step, rounds: int, rate: float) -> Iterator[tuple[str, ...]]:
    """Yield a row for each family, the total, the processor time of an unobserved step, and the bound."""
    step()
    whole = 1000 * fastest(step, rounds)
    [graph] = step.trainer._graphs.values()
    work = products(graph._list_all_concrete_functions()[0].graph)
    times, counts = milliseconds(step, rounds)
    for name, spent in times.most_common(25):
        done = (f"{work[name] / 1e9:.1f}", f"{work[name] / spent / 1e6:.0f}") if work[name] else ("", "")
        yield name, str(counts[name]), f"{spent:.1f}", *done
    total = sum(work.values())
    yield "all operations", str(sum(counts.values())), f"{sum(times.values()):.0f}", f"{total / 1e9:.1f}", ""
    yield "the step, not observed", "", f"{whole:.0f}", f"{total / 1e9:.1f}", f"{total / whole / 1e6:.0f}"
    yield "its products at the rate of the matrix product", "", f"{total / rate * 1000:.0f}", "", f"{rate / 1e9:.0f}"


@click.command(help=__doc__)
@click.argument("method", type=click.Choice(list(our_steps.TASKS)), default="pix2pix")
@click.option("--precision", type=click.Choice(["float32", "mixed_bfloat16"]), default="float32", show_default=True)
@click.option("--rounds", default=8, show_default=True, type=click.IntRange(2))
@report.tiny_option
def main(method: str, precision: our_steps.Precision, rounds: int, tiny: bool) -> None:
    size = our_steps.Size(width=4, blocks=1, rrdb_blocks=1, rrdb_side=16) if tiny else our_steps.Size()
    rounds = 2 if tiny else rounds
    our_steps.use_threads(1)
    found = list(rates(rounds, tiny))
    shown = [(f"{what}, {dtype}", f"{rate / 1e9:.0f}") for what, dtype, rate in found]
    report.show(("one thread", "GFLOP/s"), shown)
    click.echo()
    dtype = precision.removeprefix("mixed_")
    [rate] = [rate for what, name, rate in found if what == "matrix product" and name == dtype]
    step = our_steps.training_step(method, size, precision)
    report.show(("operations", "number", "core-ms", "GFLOP", "GFLOP/s"), rows(step, rounds, rate))


if __name__ == "__main__":
    main()
