"""JSON as the standard defines it, without NaN and infinity, which browsers and other programs refuse to read.

All JSON of this program is written and read here.
"""

import json
import math
from collections.abc import Mapping
from typing import Any


def dumps(value: Any, **form: Any) -> str:
    """`json.dumps` with null for every number that is not finite.

    Args:
        value: mappings, lists, tuples, texts, numbers, None.
        form: what `json.dumps` takes (`indent`, `separators`).
    """
    return json.dumps(_finite(value), allow_nan=False, **form)


def loads(text: str) -> Any:
    """What a JSON text says, with None for every number that is not finite, as in `dumps`.

    Raises:
        ValueError: for anything else than JSON, also when it is nested too deeply or a number has too many digits.
    """
    try:
        return _finite(json.loads(text))
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
