"""Whether a file stores its pixels with loss, and at which quality, as far as its headers tell."""

from __future__ import annotations

from typing import BinaryIO, NamedTuple

from PIL import ImageFile, JpegImagePlugin

from img2imgkit.images import av1, webp_chunks

_JPEG_SUM = 3685  # of the luminance table in ITU-T T.81, table K.1, which quality 50 of libjpeg uses unscaled
_SEGMENTS = 4
_VP8_HEAD = 4096  # bytes of a frame that are read; its header has some dozens


class Lossiness(NamedTuple):
    """Whether pixels are stored with loss, and the estimated quality from 1 to 100, None if unknown."""

    lossy: bool
    quality: int | None = None


def of(file: BinaryIO, image: ImageFile.ImageFile) -> Lossiness:
    """Return the lossiness of a file that Pillow has opened."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        return Lossiness(True, _jpeg_quality(image.quantization))
    if image.format == "WEBP":
        return _webp(file)
    if image.format == "AVIF":
        if av1.is_lossless(file):
            return Lossiness(False)
        is_animated = getattr(image, "n_frames", 1) > 1  # encoders give its first frame a better quality
        return Lossiness(True, None if is_animated else av1.quality(file))
    return Lossiness(False)


def _jpeg_quality(tables: dict[int, list[int]]) -> int | None:
    """Invert libjpeg's scaling of the standard table (jcparam.c, jpeg_quality_scaling)."""
    if not tables:
        return None
    percent = 100 * sum(tables[min(tables)]) / _JPEG_SUM
    quality = (200 - percent) / 2 if percent <= 100 else 5000 / percent
    return min(100, max(1, round(quality)))


def _webp(file: BinaryIO) -> Lossiness:
    """Look at the first frame: a ``VP8 `` chunk is lossy, a ``VP8L`` chunk lossless (RFC 9649)."""
    for chunk in webp_chunks.first_frame(file):
        if chunk.name == b"VP8 ":
            file.seek(chunk.start)
            return Lossiness(True, _vp8_quality(file.read(min(chunk.end - chunk.start, _VP8_HEAD))))
    return Lossiness(False)


def _vp8_quality(frame: bytes) -> int | None:
    """Estimate libwebp's quality from the quantizers in the header of a key frame (RFC 6386, 9.3 to 9.6)."""
    try:
        quantizer = _vp8_quantizer(_BoolDecoder(frame[10:]))
    except IndexError:
        return None
    linear = (1 - quantizer / 127) ** 3  # libwebp, VP8SetSegmentParams: a cube root of a piecewise linear function
    quality = 1.5 * linear if linear < 0.5 else (1 + linear) / 2
    return min(100, max(1, round(100 * quality)))


class _BoolDecoder:
    """Decodes bits of probability 1/2 (RFC 6386, 7.3)."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 2
        self._value, self._range, self._bits = int.from_bytes(data[:2], "big"), 255, 0

    def u(self, count: int) -> int:
        number = 0
        for _ in range(count):
            number = number * 2 + self._bit()
        return number

    def signed(self, count: int) -> int:
        """A number, and then its sign."""
        number = self.u(count)
        return -number if self.u(1) else number

    def _bit(self) -> int:
        split = 1 + ((self._range - 1) * 128 >> 8)
        bit = int(self._value >= split << 8)
        if bit:
            self._range -= split
            self._value -= split << 8
        else:
            self._range = split
        while self._range < 128:
            self._value, self._range, self._bits = self._value << 1, self._range << 1, self._bits + 1
            if self._bits == 8:
                self._bits = 0
                self._value |= self._data[self._at]
                self._at += 1
        return bit


def _vp8_quantizer(bits: _BoolDecoder) -> int:
    """Return the quantizer index of the best segment, 0 to 127."""
    bits.u(2)  # colour space, clamping
    segments, absolute = list[int](), False
    if bits.u(1):
        update_map, update_data = bits.u(1), bits.u(1)
        if update_data:
            absolute = bool(bits.u(1))
            segments = [bits.signed(7) if bits.u(1) else 0 for _ in range(_SEGMENTS)]
            for _ in range(_SEGMENTS):
                if bits.u(1):
                    bits.signed(6)
        for _ in range(3 * update_map):
            if bits.u(1):
                bits.u(8)
    bits.u(1 + 6 + 3)  # the loop filter: type, level, sharpness
    if bits.u(1) and bits.u(1):  # changes of its level
        for _ in range(8):
            if bits.u(1):
                bits.signed(6)
    bits.u(2)  # the number of partitions
    base = bits.u(7)
    if not segments:
        return base
    return min(segments) if absolute else base + min(segments)
