"""Checks of the options in cut/options/formats.py. Each returns what the value must be when it is not, else None."""

import math

TURNS = ("rot90", "vflip")


def numbers(text: str, count: int) -> tuple[float, ...] | None:
    """`count` finite numbers separated by commas, or None."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return found if len(found) == count and all(map(math.isfinite, found)) else None


def band_list(text: str) -> str | None:
    parts = text.split(",")
    usable = all(part.strip().isdecimal() and int(part) >= 1 for part in parts)
    return None if usable else "numbers of bands, counted from 1 and separated by commas, such as 4,3,2"


def range_rule(text: str) -> str | None:
    expected = "auto, dtype, per_image, MIN,MAX with MIN below MAX, or percentile:LOW,HIGH such as percentile:1,99"
    if text in ("auto", "dtype", "per_image"):
        return None
    low_high = numbers(text.removeprefix("percentile:"), 2)
    if low_high is None or low_high[0] >= low_high[1]:
        return expected
    if text.startswith("percentile:") and not (low_high[0] >= 0 and low_high[1] <= 100):
        return expected
    return None


def number(text: str) -> str | None:
    try:
        float(text)
    except ValueError:
        return "a number, or nan"
    return None


def centre_and_width(text: str) -> str | None:
    found = numbers(text, 2)
    return None if found and found[1] > 0 else "CENTRE,WIDTH with a positive width, such as 40,400"


def stretch(text: str) -> str | None:
    found = numbers(text, 2)
    usable = text == "none" or (found is not None and 0 <= found[0] < found[1] <= 100)
    return None if usable else "none, or two percentiles such as 2,98"


def turn_words(text: str) -> str | None:
    words = text.split(",")
    usable = text == "none" or (set(words) <= set(TURNS) and len(set(words)) == len(words))
    return None if usable else f"none, or some of {', '.join(TURNS)} separated by commas"
