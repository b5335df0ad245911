"""pix2pix's training step and CycleGAN's generator in PyTorch, as in the official code, for timing."""

from __future__ import annotations

from collections.abc import Callable

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


def patch_critic(channels: int = 6, width: int = 64) -> nn.Module:
    """The official 70x70 PatchGAN."""
    steps: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for before, after, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
        steps += [
            nn.Conv2d(width * before, width * after, 4, stride, 1, bias=False),
            nn.BatchNorm2d(width * after),
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


def training_step(batch: int, side: int, width: int = 64) -> Callable[[], object]:
    """pix2pix: update the critic, then the generator."""
    generator, critic = unet(width), patch_critic(width=width)
    adams = [torch.optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (generator, critic)]
    source, target = (torch.rand(batch, 3, side, side) * 2 - 1 for _ in range(2))
    says = nn.BCEWithLogitsLoss()

    def judged(image: torch.Tensor, real: bool) -> torch.Tensor:
        scores = critic(torch.cat([source, image], 1))
        return says(scores, torch.full_like(scores, float(real)))

    def step() -> float:
        fake = generator(source)
        critic.requires_grad_(True)
        adams[1].zero_grad()
        ((judged(fake.detach(), False) + judged(target, True)) / 2).backward()
        adams[1].step()
        critic.requires_grad_(False)
        adams[0].zero_grad()
        loss = judged(fake, True) + 100 * (fake - target).abs().mean()
        loss.backward()
        adams[0].step()
        return float(loss.detach())

    return step


def translation(side: int, width: int, blocks: int, bfloat16: bool) -> Callable[[], object]:
    """Translate one picture with the residual generator."""
    net, source = resnet(blocks, width).eval(), torch.rand(1, 3, side, side) * 2 - 1

    def translate() -> object:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            return net(source).float().numpy()

    return translate
