"""Whether a JPEG holds its whole picture, which decoders do not tell: they fill what is missing with grey."""

import io
import re
from dataclasses import dataclass, field

from PIL import Image

_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # what ends the coded data of a scan
_RESTART = re.compile(rb"\xff[\xd0-\xd7]")
_NOISE = bytes(1 + (number * number * 31 + number * 17) % 253 for number in range(400))  # no byte of a marker
_PROGRESSIVE = (0xC2, 0xCA)  # frames whose coefficients come in several scans, bit by bit
_COEFFICIENTS = 64  # of a block


@dataclass
class _Scans:
    """What the scans of a picture hold.

    Attributes:
        begin, end: of the coded data of the last one.
        missing: for each component the number of low bits that its coefficients still lack; None for all bits.
    """

    begin: int = 0
    end: int = 0
    missing: dict[int, list[int | None]] = field(default_factory=dict)


def is_complete(data: bytes, decoded: Image.Image) -> bool:
    """Whether the scans of a JPEG have all bits of the picture, and the last one reaches to the end of the picture.

    For the latter, noise is added behind it. A decoder that has all blocks passes over the noise; one that lacks some
    takes it for them, and the picture changes. Files of a form that is not understood count as complete.

    Args:
        data: the file.
        decoded: the picture that it gives.
    """
    scans = _scans(data)
    if scans is None:
        return True
    if any(bits != 0 for coefficients in scans.missing.values() for bits in coefficients):
        return False
    begin, end = scans.begin, scans.end
    while data[end - 1] == 0xFF:  # bytes that fill up to the marker; with the noise they would be one
        end -= 1
    restarts = len(_RESTART.findall(data, begin, end))  # they are numbered from 0 to 7, again and again
    more = _NOISE + bytes([0xFF, 0xD0 + restarts % 8]) + _NOISE
    with Image.open(io.BytesIO(data[:end] + more + data[end:]), formats=("JPEG",)) as other:
        return other.tobytes() == decoded.tobytes()


def _scans(data: bytes) -> _Scans | None:
    """The scans of the first picture; None where there are none, or it has no end."""
    at, scans, progressive = 2, _Scans(), False
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xD9:
            return scans if scans.end else None
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker == 0x01 or 0xD0 <= marker <= 0xD7:  # without content
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        content = data[at + 4 : at + 2 + length]
        at += 2 + length
        if marker in _PROGRESSIVE:
            # Precision, height (2), width (2), number of components; then three bytes for each, its name first.
            progressive, scans.missing = True, {name: [None] * _COEFFICIENTS for name in content[6::3]}
        elif marker == 0xDA:
            found = _MARKER.search(data, at)
            if found is None:
                return None
            scans.begin, scans.end = at, found.start()
            at = found.start()
            if progressive:
                # Number of components; two bytes for each, its name first; first and last coefficient; bit positions.
                first, last, bits = content[-3:]
                for name in content[1:-3:2]:
                    missing = scans.missing.get(name, [])
                    missing[first : last + 1] = [bits & 15] * len(missing[first : last + 1])
    return None
