"""Layers of other programs that are rebuilt: plain layers of Keras, each with the settings that are known here.

A configuration is data. No class or function that it names is looked up anywhere but in ``LAYERS`` and ``ACTIVATIONS``,
and a setting that is not known here is refused, since it might change what the layer computes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from img2imgkit.errors import InteropError
from img2imgkit.exchange import Statistics

if TYPE_CHECKING:
    import keras

SHOWN = 60  # characters of a name in an error
MOST = 1 << 16  # of a number in a setting: no network has more filters
WIDEST = ("cropping", "dilation_rate", "kernel_size", "output_padding", "padding", "pool_size", "strides")
BOUNDS = {"size": 16, **dict.fromkeys(WIDEST, 1 << 10)}  # of what changes how much memory a picture takes
WINDOW = ("strides", "padding", "data_format")
FILTERS = ("filters", "kernel_size", "dilation_rate", "activation", "use_bias", *WINDOW)
POOLING = ("pool_size", *WINDOW)
LAYERS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"), ()),
    **dict.fromkeys(("AlphaDropout", "Dropout", "GaussianDropout"), ("rate",)),
    **dict.fromkeys(("AveragePooling2D", "MaxPooling2D"), POOLING),
    **dict.fromkeys(("GlobalAveragePooling2D", "GlobalMaxPooling2D"), ("data_format", "keepdims")),
    "Activation": ("activation",),
    "BatchNormalization": ("axis", "center", "epsilon", "scale"),
    "Concatenate": ("axis",),
    "Conv2D": (*FILTERS, "groups"),
    "Conv2DTranspose": (*FILTERS, "output_padding"),
    "Cropping2D": ("cropping", "data_format"),
    "Dense": ("activation", "units", "use_bias"),
    "DepthwiseConv2D": ("activation", "depth_multiplier", "dilation_rate", "kernel_size", "use_bias", *WINDOW),
    "ELU": ("alpha",),
    "Flatten": ("data_format",),
    "GaussianNoise": ("stddev",),
    "GroupNormalization": ("axis", "center", "epsilon", "groups", "scale"),
    "InstanceNormalization": ("axis", "center", "epsilon", "scale"),
    "LayerNormalization": ("axis", "center", "epsilon", "scale"),
    "LeakyReLU": ("negative_slope",),
    "PReLU": ("shared_axes",),
    "Permute": ("dims",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Rescaling": ("offset", "scale"),
    "Reshape": ("target_shape",),
    "SeparableConv2D": (*FILTERS, "depth_multiplier"),
    "Softmax": ("axis",),
    "SpatialDropout2D": ("data_format", "rate"),
    "UpSampling2D": ("data_format", "interpolation", "size"),
    "ZeroPadding2D": ("data_format", "padding"),
}
ACTIVATIONS = frozenset(
    ("linear", "relu", "relu6", "elu", "selu", "sigmoid", "tanh", "softplus", "softsign", "softmax", "swish", "silu")
) | {"gelu", "leaky_relu", "exponential"}
IGNORED = frozenset(
    (
        "autocast",
        "batch_input_shape",
        "batch_shape",
        "build_config",
        "dtype",
        "fused",
        "momentum",
        "name",
        "noise_shape",
    )
) | {"renorm_clipping", "renorm_momentum", "seed", "synchronized", "trainable"}
INITIAL = ("_constraint", "_initializer", "_regularizer")  # endings of settings that only training uses
OFF = {
    **{"groups": 1, "renorm": False, "virtual_batch_size": None, "adjustment": None, "implementation": None},
    **{"lora_rank": None, "quantization_config": None, "rms_scaling": False},
}  # settings that are accepted with this value only
RENAMED = {"LeakyReLU": {"alpha": "negative_slope"}}


def rebuilt_layer(kind: str, name: str, config: Mapping[str, Any], statistics: Statistics) -> keras.Layer:
    """A layer with fresh weights.

    Args:
        statistics: those that batch normalization uses: the running ones, as Keras in inference, or those of each image

    Raises:
        InteropError: its class, or a setting, is not known.
    """
    import keras

    settings = _settings(kind, name, config)
    if kind == "BatchNormalization" and statistics == "image":
        return _image_norm(name, settings)
    if kind == "InstanceNormalization":
        return _deviation_norm(name, settings)
    try:
        return getattr(keras.layers, kind)(name=name, dtype="float32", **settings)
    except (TypeError, ValueError) as error:
        raise InteropError(f"layer {name!r:.{SHOWN}} ({kind}): {str(error).splitlines()[0]}") from None


def _image_norm(name: str, settings: Mapping[str, Any]) -> keras.Layer:
    from img2imgkit.nn import BatchNorm

    if settings.get("axis", -1) not in (-1, 3, [-1], [3]) or not (settings.get("center") and settings.get("scale")):
        raise InteropError(f"layer {name!r:.{SHOWN}}: statistics of the image need channels last, a scale and a shift")
    return BatchNorm(epsilon=settings.get("epsilon", 1e-3), statistics="image", name=name, dtype="float32")


def _deviation_norm(name: str, settings: Mapping[str, Any]) -> keras.Layer:
    """The layer of keras-contrib, the only one of another package that is known here."""
    from img2imgkit.nn.layers import DeviationNorm

    rest = dict(settings)
    axis = rest.pop("axis", None)
    if axis not in (None, -1, 3):
        raise InteropError(f"layer {name!r:.{SHOWN}} (InstanceNormalization): its axis is {axis!s:.{SHOWN}}")
    return DeviationNorm(axis is not None, name=name, dtype="float32", **rest)


def _settings(kind: str, name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    if kind not in LAYERS:
        raise InteropError(
            f"layer {name!r:.{SHOWN}} is a {kind!s:.{SHOWN}}, no plain layer of Keras; none of its code was run"
        )
    settings = {}
    for key, value in config.items():
        own = RENAMED.get(kind, {}).get(key, key)
        if own in LAYERS[kind]:
            settings[own] = _plain(kind, name, own, value)
        elif not (own in IGNORED or own.endswith(INITIAL) or (own in OFF and value in (OFF[own], None))):
            raise InteropError(f"layer {name!r:.{SHOWN}} ({kind}): its setting {key!s:.{SHOWN}} is not known")
    return settings


def _plain(kind: str, name: str, key: str, value: Any) -> Any:
    """A setting that is plain data: numbers, a word, or lists of numbers."""
    if key == "activation":
        if value is not None and value not in ACTIVATIONS:
            raise InteropError(f"layer {name!r:.{SHOWN}} ({kind}): the activation {value!s:.{SHOWN}} is not known")
        return value
    if not _is_plain(value, BOUNDS.get(key, MOST)):
        raise InteropError(f"layer {name!r:.{SHOWN}} ({kind}): {key} is {value!s:.{SHOWN}}")
    return value


def _is_plain(value: Any, most: int, depth: int = 0) -> bool:
    if isinstance(value, (list, tuple)):
        return depth < 3 and len(value) <= 8 and all(_is_plain(each, most, depth + 1) for each in value)
    if isinstance(value, (int, float)):
        return abs(value) <= most
    return value is None or (isinstance(value, str) and len(value) <= SHOWN)
