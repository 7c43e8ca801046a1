"""Words shared by the messages about options."""

import difflib
from collections.abc import Iterable
from typing import Any


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """`" (did you mean X?)"` with the candidate nearest to `word`, or an empty string when none is near."""
    by_lower_case = {candidate.lower(): candidate for candidate in candidates}
    near = difflib.get_close_matches(str(word).lower(), by_lower_case, n=1)
    return f" (did you mean {by_lower_case[near[0]]}?)" if near else ""


def shown(value: Any) -> str:
    """A value as a person writes it: true, false and none in lower case, and quotes around nothing."""
    return str(value).lower() if isinstance(value, bool | None) else str(value) or "''"
