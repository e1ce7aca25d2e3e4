"""How many characters a token has, or will have once it is signed."""

import json
from typing import Any, Final

from qsjwt.tokens.rules import Case

_SIGNATURES: Final = (342, 683)
"""Characters of a signature by an RSA key of 2048 and of 4096 bits; those of EC keys are shorter."""


def characters(case: Case) -> tuple[int, int]:
    """Return how many characters the token of *case* has at least and at most, in compact serialization.

    The two differ if it is yet to be signed, since the key is not known before.
    """
    if case.compact:
        return len(case.compact), len(case.compact)
    unsigned = (case.unsigned or _encoded(case.header) + _encoded(case.claims) + len(".")) + len(".")
    shortest, longest = _SIGNATURES
    return unsigned + shortest, unsigned + longest


def _encoded(part: Any) -> int:
    """Return the length of *part* in base64url; 0 if it cannot be written as JSON, which is told when it is signed."""
    try:
        text = json.dumps(part, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError):
        return 0
    return -(-len(text.encode("utf-8", "surrogatepass")) * 4 // 3)
