"""Pictures: decode, convert and encode, including metadata."""

from img2imgkit.images.affine import Affine, Placement
from img2imgkit.images.conversions import (
    is_finite,
    is_opaque,
    to_grey,
    to_levels,
    to_rgb,
    to_unit,
    with_depth,
    without_alpha,
)
from img2imgkit.images.decode import DEFAULT_MAX_PIXELS, decode
from img2imgkit.images.encode import Encoded, EncodedFile, EncodeOptions, encode, encode_in_bands
from img2imgkit.images.float_levels import FloatLevels
from img2imgkit.images.format_support import max_side
from img2imgkit.images.formats import (
    format_of,
    format_of_content,
    is_hidden,
    is_image,
    is_picture,
    readable,
    suffix_for,
    suffixes,
    unreadable_suffixes,
    writable,
)
from img2imgkit.images.header import Header, header_of, size_of
from img2imgkit.images.matlab import imresize
from img2imgkit.images.picture import Metadata, Picture
from img2imgkit.images.profiles import to_srgb, without_profile
from img2imgkit.images.resample import Method, crop, resize
from img2imgkit.images.scratch import contiguous, empty_pixels, release_pixels

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "Affine",
    "EncodeOptions",
    "Encoded",
    "EncodedFile",
    "FloatLevels",
    "Header",
    "Metadata",
    "Method",
    "Picture",
    "Placement",
    "contiguous",
    "crop",
    "decode",
    "empty_pixels",
    "encode",
    "encode_in_bands",
    "format_of",
    "format_of_content",
    "header_of",
    "imresize",
    "is_finite",
    "is_hidden",
    "is_image",
    "is_opaque",
    "is_picture",
    "max_side",
    "readable",
    "release_pixels",
    "resize",
    "size_of",
    "suffix_for",
    "suffixes",
    "to_grey",
    "to_levels",
    "to_rgb",
    "to_srgb",
    "to_unit",
    "unreadable_suffixes",
    "with_depth",
    "without_alpha",
    "without_profile",
    "writable",
]
