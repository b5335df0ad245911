"""Training steps of pix2pix, CycleGAN and RRDBNet, and the networks of several methods in PyTorch, for timing.

Networks and steps are those of the official codes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn


class UnetBlock(nn.Module):
    """One level of the U-Net, around the next."""

    def __init__(self, outer: int, inner: int, inside: nn.Module | None, place: str, dropout: bool, given: int) -> None:
        super().__init__()
        self.outermost = place == "outermost"
        down: list[nn.Module] = [nn.Conv2d(given, inner, 4, 2, 1, bias=False)]
        ups = 1 if place == "innermost" else 2
        up: list[nn.Module] = [nn.ReLU(True), nn.ConvTranspose2d(inner * ups, outer, 4, 2, 1, bias=self.outermost)]
        if self.outermost:
            up.append(nn.Tanh())
        else:
            down.insert(0, nn.LeakyReLU(0.2, True))
            up.append(nn.BatchNorm2d(outer))
            if place == "middle":
                down.append(nn.BatchNorm2d(inner))
            if dropout:
                up.append(nn.Dropout(0.5))
        self.model = nn.Sequential(*down, *([inside] if inside else []), *up)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


def unet(width: int = 64) -> nn.Module:
    """The official unet_256."""
    block = UnetBlock(width * 8, width * 8, None, "innermost", False, width * 8)
    for _ in range(3):
        block = UnetBlock(width * 8, width * 8, block, "middle", True, width * 8)
    for factor in (4, 2, 1):
        block = UnetBlock(width * factor, width * factor * 2, block, "middle", False, width * factor)
    return UnetBlock(3, width, block, "outermost", False, 3)


def patch_critic(channels: int = 6, width: int = 64, instance: bool = False) -> nn.Module:
    """The official 70x70 PatchGAN."""
    norm = nn.InstanceNorm2d if instance else nn.BatchNorm2d
    steps: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for before, after, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
        steps += [
            nn.Conv2d(width * before, width * after, 4, stride, 1, bias=instance),
            norm(width * after),
            nn.LeakyReLU(0.2, True),
        ]
    return nn.Sequential(*steps, nn.Conv2d(width * 8, 1, 4, 1, 1))


class Block(nn.Module):
    """A residual block."""

    def __init__(self, width: int) -> None:
        super().__init__()
        conv = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        self.model = nn.Sequential(*conv, nn.ReLU(True), *again)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.model(x)


def resnet(blocks: int = 9, width: int = 64) -> nn.Module:
    """The official resnet_9blocks."""

    def normed(conv: nn.Module, filters: int) -> list[nn.Module]:
        return [conv, nn.InstanceNorm2d(filters), nn.ReLU(True)]

    steps: list[nn.Module] = [nn.ReflectionPad2d(3), *normed(nn.Conv2d(3, width, 7), width)]
    for factor in (1, 2):
        steps += normed(nn.Conv2d(width * factor, width * factor * 2, 3, 2, 1), width * factor * 2)
    steps += [Block(width * 4) for _ in range(blocks)]
    for factor in (4, 2):
        steps += normed(nn.ConvTranspose2d(width * factor, width * factor // 2, 3, 2, 1, 1), width * factor // 2)
    return nn.Sequential(*steps, nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh())


def prepare(threads: int) -> None:
    """Set the number of threads and the seed."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)


class Dense(nn.Module):
    """A dense block of RRDBNet."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width + i * growth, growth if i < 4 else width, 3, 1, 1) for i in range(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = [x]
        for number, conv in enumerate(self.convs):
            y = conv(torch.cat(found, 1))
            found.append(y if number == 4 else nn.functional.leaky_relu(y, 0.2, inplace=True))
        return found[-1] * 0.2 + x


class Triple(nn.Module):
    """A residual in residual dense block."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.model = nn.Sequential(*(Dense(width, growth) for _ in range(3)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x) * 0.2 + x


class Rrdb(nn.Module):
    """The official RRDBNet for scale 4."""

    def __init__(self, blocks: int, width: int, growth: int) -> None:
        super().__init__()
        self.first, self.body = nn.Conv2d(3, width, 3, 1, 1), nn.Conv2d(width, width, 3, 1, 1)
        self.blocks = nn.Sequential(*(Triple(width, growth) for _ in range(blocks)))
        self.ups = nn.ModuleList(nn.Conv2d(width, width, 3, 1, 1) for _ in range(2))
        self.fine, self.last = nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, 3, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(x)
        x = x + self.body(self.blocks(x))
        for up in self.ups:
            x = nn.functional.leaky_relu(up(nn.functional.interpolate(x, scale_factor=2)), 0.2, inplace=True)
        return self.last(nn.functional.leaky_relu(self.fine(x), 0.2, inplace=True))


class Residual(nn.Module):
    """A residual block of EDSR, with PReLU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        conv = nn.Conv2d(width, width, 3, 1, 1)
        self.model = nn.Sequential(conv, nn.PReLU(width), nn.Conv2d(width, width, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.model(x)


class Compact(nn.Module):
    """Enlarges luma by residual blocks and a pixel shuffle, and colour by bicubic interpolation, as VDSR does."""

    def __init__(self, scale: int, width: int, blocks: int) -> None:
        super().__init__()
        self.scale = scale
        body = (Residual(width) for _ in range(blocks))
        last = nn.Conv2d(width, scale**2, 3, 1, 1)
        self.model = nn.Sequential(nn.Conv2d(1, width, 3, 1, 1), nn.PReLU(width), *body, last, nn.PixelShuffle(scale))
        self.luma = nn.Conv2d(3, 1, 1, bias=False)
        self.luma.weight.data = torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.luma(x)
        enlarged = self.model(y) + nn.functional.interpolate(y, scale_factor=self.scale)
        large = nn.functional.interpolate(x, scale_factor=self.scale, mode="bicubic")
        return large + (enlarged - self.luma(large))


def _adam(*networks: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam((each for net in networks for each in net.parameters()), 2e-4, (0.5, 0.999))


def _pictures(side: int, count: int = 2) -> list[torch.Tensor]:
    return [torch.rand(1, 3, side, side) * 2 - 1 for _ in range(count)]


def _learns(learns: bool, *networks: nn.Module) -> None:
    for net in networks:
        net.requires_grad_(learns)


def _updated(adam: torch.optim.Adam, loss: torch.Tensor) -> float:
    adam.zero_grad()
    loss.backward()
    adam.step()
    return float(loss.detach())


def training_step(method: str, size: Any, bfloat16: bool = False, compiled: bool = False) -> Callable[[], object]:
    """The step of "pix2pix", "cyclegan" or "rrdb" for a ``Size``, with batch size 1.

    With ``bfloat16``, forward passes run under autocast, and the rest in float32, as PyTorch's documentation says.
    """
    make = {"pix2pix": _pix2pix, "cyclegan": _cyclegan, "rrdb": _rrdb}[method]
    fast = torch.compile if compiled else lambda net: net
    return make(size, fast, lambda: torch.autocast("cpu", torch.bfloat16, enabled=bfloat16))


def _pix2pix(size: Any, fast: Any, precision: Any) -> Callable[[], float]:
    generator, critic = fast(unet(size.width)), fast(patch_critic(width=size.width))
    adams = [_adam(generator), _adam(critic)]
    source, target = _pictures(size.step_side)
    says = nn.BCEWithLogitsLoss()

    def judged(image: torch.Tensor, real: bool) -> torch.Tensor:
        scores = critic(torch.cat([source, image], 1))
        return says(scores, torch.full_like(scores, float(real)))

    def step() -> float:
        with precision():
            fake = generator(source)
            _learns(True, critic)
            loss = (judged(fake.detach(), False) + judged(target, True)) / 2
        _updated(adams[1], loss)
        _learns(False, critic)
        with precision():
            loss = judged(fake, True) + 100 * (fake - target).abs().mean()
        return _updated(adams[0], loss)

    return step


def _cyclegan(size: Any, fast: Any, precision: Any) -> Callable[[], float]:
    to_b, to_a = (fast(resnet(size.blocks, size.width)) for _ in range(2))
    critic_a, critic_b = (fast(patch_critic(3, size.width, True)) for _ in range(2))
    adams = [_adam(to_b, to_a), _adam(critic_a, critic_b)]
    a, b = _pictures(size.step_side)

    def judged(critic: nn.Module, image: torch.Tensor, real: bool) -> torch.Tensor:
        return (critic(image) - float(real)).square().mean()

    def step() -> float:
        _learns(False, critic_a, critic_b)
        with precision():
            fake_b, fake_a = to_b(a), to_a(b)
            cycle = (to_a(fake_b) - a).abs().mean() + (to_b(fake_a) - b).abs().mean()
            identity = (to_a(a) - a).abs().mean() + (to_b(b) - b).abs().mean()
            loss = judged(critic_a, fake_a, True) + judged(critic_b, fake_b, True) + 10 * cycle + 5 * identity
        total = _updated(adams[0], loss)
        _learns(True, critic_a, critic_b)
        with precision():
            pairs = ((critic_a, a, fake_a.detach()), (critic_b, b, fake_b.detach()))
            losses = [(judged(critic, real, True) + judged(critic, fake, False)) / 2 for critic, real, fake in pairs]
        _updated(adams[1], losses[0] + losses[1])
        return total

    return step


def _rrdb(size: Any, fast: Any, precision: Any) -> Callable[[], float]:
    net = fast(Rrdb(size.rrdb_blocks, size.width, max(1, size.width // 2)))
    adam = _adam(net)
    [source], [target] = _pictures(size.rrdb_side, 1), _pictures(4 * size.rrdb_side, 1)

    def step() -> float:
        with precision():
            loss = (net(source) - target).abs().mean()
        return _updated(adam, loss)

    return step


def translation(net: nn.Module, source: np.ndarray, bfloat16: bool, compiled: bool) -> Callable[[], np.ndarray]:
    """Translate a picture. Shapes: (1, H, W, 3) -> (1, scale * H, scale * W, 3), float32."""
    net = net.eval().to(memory_format=torch.channels_last)
    run = torch.compile(net) if compiled else net

    def translate() -> np.ndarray:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            image = run(torch.from_numpy(source).permute(0, 3, 1, 2))
            found: np.ndarray = image.float().permute(0, 2, 3, 1).contiguous().numpy()
            return found

    return translate
