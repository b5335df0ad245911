"""CUT's training steps in PyTorch, to separate an error of PyTorch from ours. Needs ``pip install torch``.

    python benchmarks/cut_in_pytorch.py [FOLDER] [--write FILE]

FOLDER, by default the fixture of the tests, contains the official steps (``config.json``, ``io.npz``,
``weights_init.pth``). On a CPU, PyTorch's ``instance_norm`` (observed in 2.13) has a wrong gradient if the incoming
gradient has the memory layout "channels last", as it has after CUT's patch sampling. The steps are run twice: with that
function, which reproduces the official numbers, and with an explicit instance norm, whose gradient is correct.
``--write`` saves the numbers of the latter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import report
import torch
from torch.nn import functional as F

Weights = dict[str, Any]
FIXTURE = Path(__file__).parents[1] / "tests" / "fixtures" / "trainstep_cut"
TAPS, STEPS, TEMPERATURE = 5, 3, 0.07


def written_out(x: Any) -> Any:
    """Instance norm, written out."""
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), keepdim=True, unbiased=False)
    return (x - mean) / (variance + 1e-5).sqrt()


def gradients_apart() -> float:
    """Return the difference between the gradients of ``instance_norm`` for one incoming gradient in two layouts."""
    torch.manual_seed(0)
    x, given = torch.randn(1, 12, 10, 10, requires_grad=True), torch.randn(1, 10, 10, 12).permute(0, 3, 1, 2)
    y = F.instance_norm(x)
    one, other = (torch.autograd.grad(y, x, g, retain_graph=True)[0] for g in (given, given.contiguous()))
    return float((one - other).abs().max())


class Cut:
    """The three networks of the official fixture, and one training step."""

    def __init__(self, weights: Weights, norm: Callable[[Any], Any]) -> None:
        self.norm = norm
        self.nets = {name: _trainable(state) for name, state in weights.items()}
        options: dict[str, Any] = {"lr": 2e-4, "betas": (0.5, 0.999)}
        self.adam = {
            name: torch.optim.Adam([p for p in state.values() if p.requires_grad], **options)
            for name, state in self.nets.items()
        }

    def encode(self, x: Any) -> tuple[list[Any], Any]:
        """Return the tapped features, and the output of the last block."""
        x = F.pad(x, (3, 3, 3, 3), mode="reflect")
        features = [x]
        x = F.relu(self.norm(self._conv("G", x, 1)))
        for module in (4, 8):
            x = self._conv("G", x, module, 1)
            features.append(x)
            x = _halved(F.relu(self.norm(x)))
        for block in range(12, 18):
            y = x
            for part in (1, 5):
                y = self.norm(self._conv("G", F.pad(y, (1, 1, 1, 1), mode="reflect"), f"{block}.conv_block.{part}"))
                y = F.relu(y) if part == 1 else y
            x = x + y
            features += [x] if block in (12, 16) else []
        return features, x

    def generate(self, x: Any) -> Any:
        """Translate."""
        x = self.encode(x)[1]
        for module in (19, 23):
            x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = F.relu(self.norm(self._conv("G", x, module, 1)))
        return torch.tanh(self._conv("G", F.pad(x, (3, 3, 3, 3), mode="reflect"), 27))

    def judge(self, x: Any) -> Any:
        """Return the critic's scores."""
        x = _halved(F.leaky_relu(self._conv("D", x, 0, 1), 0.2))
        for module in (3, 7):
            x = _halved(F.leaky_relu(self.norm(self._conv("D", x, module, 1)), 0.2))
        x = F.leaky_relu(self.norm(self._conv("D", x, 11, 1)), 0.2)
        return self._conv("D", x, 14, 1)

    def contrast(self, source: Any, image: Any, places: list[Any]) -> Any:
        """PatchNCE over all taps."""
        queries, keys = (self._projected(self.encode(x)[0], places) for x in (image, source))
        return sum(_nce(query, key.detach()) for query, key in zip(queries, keys, strict=True)) / TAPS

    def step(self, a: Any, b: Any, places: list[Any]) -> dict[str, float]:
        """Update the critic, then the generator and its projection."""
        fake, same = self.generate(a), self.generate(b)
        d_fake, d_real = self.judge(fake.detach()).square().mean(), (self.judge(b) - 1).square().mean()
        self._move(["D"], (d_fake + d_real) / 2)
        adversarial = (self.judge(fake) - 1).square().mean()
        nce, nce_y = self.contrast(a, fake, places[:TAPS]), self.contrast(b, same, places[TAPS:])
        total = adversarial + (nce + nce_y) / 2
        self._move(["G", "F"], total)
        terms = {"G_GAN": adversarial, "D_real": d_real, "D_fake": d_fake, "G": total, "NCE": nce, "NCE_Y": nce_y}
        return {name: term.item() for name, term in terms.items()}

    def _move(self, players: list[str], total: Any) -> None:
        for name in players:
            self.adam[name].zero_grad()
        total.backward()
        for name in players:
            self.adam[name].step()

    def _conv(self, net: str, x: Any, module: int | str, padding: int = 0) -> Any:
        state = self.nets[net]
        return F.conv2d(x, state[f"model.{module}.weight"], state[f"model.{module}.bias"], padding=padding)

    def _projected(self, features: list[Any], places: list[Any]) -> list[Any]:
        state, found = self.nets["F"], []
        for number, (x, some) in enumerate(zip(features, places, strict=True)):
            y = x.permute(0, 2, 3, 1).flatten(1, 2)[:, some].flatten(0, 1)
            y = F.relu(F.linear(y, state[f"mlp_{number}.0.weight"], state[f"mlp_{number}.0.bias"]))
            y = F.linear(y, state[f"mlp_{number}.2.weight"], state[f"mlp_{number}.2.bias"])
            found.append(y / (y.pow(2).sum(1, keepdim=True).sqrt() + 1e-7))
        return found


def _trainable(state: Weights) -> Weights:
    return {k: v.clone().requires_grad_(v.is_floating_point() and not k.endswith("filt")) for k, v in state.items()}


def _halved(x: Any) -> Any:
    line = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernel = (line[:, None] * line)[None, None].repeat(x.shape[1], 1, 1, 1)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), kernel, stride=2, groups=x.shape[1])


def _nce(query: Any, key: Any) -> Any:
    positive = (query * key).sum(1, keepdim=True)
    negative = (query @ key.t()).masked_fill(torch.eye(len(query), dtype=torch.bool), -10.0)
    logits = torch.cat([positive, negative], 1) / TEMPERATURE
    return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.long))


def run(folder: Path, norm: Callable[[Any], Any], steps: int) -> tuple[list[dict[str, float]], list[np.ndarray]]:
    """Return the losses of each step, and the generated images before the first and after each step."""
    io = np.load(folder / "io.npz")
    cut = Cut(torch.load(folder / "weights_init.pth", weights_only=True), norm)
    a, b = (torch.tensor(io[f"in.{side}"]) for side in "AB")
    losses, images = [], [cut.generate(a).detach().numpy()[..., ::2, ::2]]
    for step in range(steps):
        places = [torch.tensor(io[f"draw.{10 * step + n}.np_permutation"]) for n in range(2 * TAPS)]
        losses.append(cut.step(a, b, places))
        images.append(cut.generate(a).detach().numpy()[..., ::2, ::2])
    return losses, images


def rows(
    folder: Path, runs: dict[str, tuple[list[dict[str, float]], list[np.ndarray]]]
) -> Iterator[tuple[str, str, str, str]]:
    """Yield one row per run and step."""
    official, io = json.loads((folder / "config.json").read_text())["losses_per_iteration"], np.load(folder / "io.npz")
    for name, (losses, images) in runs.items():
        for step, found in enumerate(losses):
            loss = max(abs(found[key] - value) / abs(value) for key, value in official[step].items())
            image = np.abs(images[step + 1] - io[f"probe.iter{step + 1}.G(A)"]).max()
            yield name, str(step + 1), f"{loss:.1e}", f"{image:.1e}"


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path, exists=True), default=FIXTURE)
@click.option("--write", type=click.Path(path_type=Path), help="Keep the right numbers as an npz file.")
@report.tiny_option
def main(folder: Path, write: Path | None, tiny: bool) -> None:
    click.echo(f"instance_norm, one gradient in two layouts: {gradients_apart():.1e} apart\n")
    norms = {"instance_norm": F.instance_norm, "written out": written_out}
    runs = {name: run(folder, norm, 1 if tiny else STEPS) for name, norm in norms.items()}
    columns = ("instance norm", "step", "losses: from the official (relative)", "image: from the official")
    report.show(columns, rows(folder, runs))
    if write:
        losses, images = runs["written out"]
        stored = {f"loss.{step}.{key}": np.float64(v) for step, row in enumerate(losses) for key, v in row.items()}
        np.savez(write, **stored, **{f"image.{step}": image for step, image in enumerate(images)})


if __name__ == "__main__":
    main()
