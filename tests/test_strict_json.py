"""JSON that every reader takes."""

import json
import math
from types import MappingProxyType

from cut import strict_json


def test_what_is_not_finite_is_null_at_any_depth():
    value = {"a": [1.5, math.nan, (math.inf, "NaN")], "b": MappingProxyType({"c": -math.inf, "d": None, "e": True})}
    read = json.loads(strict_json.dumps(value, indent=1), parse_constant=lambda name: 1 / 0)
    assert read == {"a": [1.5, None, [None, "NaN"]], "b": {"c": None, "d": None, "e": True}}
