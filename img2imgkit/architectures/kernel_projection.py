"""The principal components of blur kernels, by which SRMD codes a kernel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from img2imgkit.architectures.contract import Architecture, Arguments, Checkpoint, NetworkSpec, Places, State
from img2imgkit.geometry import Geometry

if TYPE_CHECKING:
    import keras

__all__ = ["KernelProjection", "gaussian_kernel"]

MATRICES = ("P", "p")  # names of the matrix in files of KAIR: the official one, srmd_pca_matlab.mat, and its trainings'
WEIGHTS = "projection.weight"  # its name here
WIDTHS = 256  # of the blurs whose components a new projection has
NARROWEST = 0.2  # pixels, of these
CUT = np.finfo(np.float64).eps  # of the largest number of a kernel: smaller ones are 0, as in MATLAB's fspecial


def gaussian_kernel(width: float, size: int) -> np.ndarray:
    """An isotropic Gaussian blur kernel, as MATLAB's ``fspecial`` makes it; width 0 is no blur.

    Shapes:
        -> (size, size), float64, of sum 1

    >>> float(gaussian_kernel(1.0, 3)[1, 1].round(3))
    0.204
    """
    steps = np.arange(size) - (size - 1) / 2
    line = np.exp(-(steps**2) / (2 * width**2)) if width > 0 else (steps == 0).astype(np.float64)
    kernel = np.outer(line, line)
    kernel[kernel < CUT * kernel.max()] = 0
    return kernel / kernel.sum()


def named(state: State) -> dict[str, np.ndarray]:
    """Give the matrix of the official file the name of a layer's weights."""
    return {WEIGHTS if name in MATRICES else name: array for name, array in state.items()}


def recognise(state: State) -> dict[str, Any] | None:
    """Read the arguments of ``kernel_projection``: the matrix is the only array, (components, size * size)."""
    matrix = state.get(WEIGHTS)
    if matrix is None or len(state) != 1 or matrix.ndim != 2:
        return None
    size = math.isqrt(matrix.shape[1])
    if size**2 != matrix.shape[1] or size % 2 == 0:
        return None
    return {"code": len(matrix), "size": size}


def places(options: Arguments) -> Places:
    """Yield the matrix and its layer."""
    yield "projection", "projection"


class KernelProjection(Architecture):
    """The projection of blur kernels on their principal components (https://arxiv.org/abs/1712.06116, section 3.2).

    A new one has the components of isotropic Gaussian kernels, and is not trained.
    """

    name = "kernel-projection"
    roles = ("kernel-projection",)
    uses = ("code",)
    makes_pictures = False
    checkpoint = Checkpoint(recognise, places, named)

    size: int = Field(default=15, ge=3, description="height and width of kernels, an odd number")
    widest: float = Field(
        default=4.0, gt=NARROWEST, description="width of the widest blur whose components a new projection has, pixels"
    )

    def problem(self, spec: NetworkSpec) -> str:
        if self.size % 2 == 0:
            return f"size {self.size}: expected an odd number"
        return "" if spec.code and spec.code <= self.size**2 else f"a code of up to {self.size**2} numbers is needed"

    def geometry(self, spec: NetworkSpec) -> Geometry:
        return Geometry()

    def build(self, spec: NetworkSpec) -> keras.Model:
        return kernel_projection(**self.arguments(spec))


def kernel_projection(code: int = 15, size: int = 15, widest: float = 4.0) -> keras.Model:
    """A matrix with the principal components of Gaussian kernels. It is float32 under every precision policy.

    Shapes:
        (N, size * size) -> (N, code)

    >>> ops.shape(kernel_projection(code=4, size=5)(ops.zeros((1, 25))))
    (1, 4)
    """
    import keras
    from keras import layers

    kernel = keras.Input((size**2,), name="kernel")
    projection = layers.Dense(code, use_bias=False, dtype="float32", trainable=False, name="projection")
    model = keras.Model(kernel, projection(kernel), name="kernel-projection")
    projection.kernel.assign(_components(code, size, widest).T)
    return model


def _components(code: int, size: int, widest: float) -> np.ndarray:
    """The principal components of kernels of many widths. Shapes: -> (code, size * size), float32, orthonormal rows."""
    kernels = [gaussian_kernel(width, size).ravel() for width in np.linspace(NARROWEST, widest, WIDTHS)]
    directions, _, _ = np.linalg.svd(np.transpose(kernels), full_matrices=False)
    found = directions[:, :code].T
    signs = np.sign(found[np.arange(code), np.abs(found).argmax(axis=1)])
    return (found * signs[:, None]).astype(np.float32)
