"""What is registered at a platform, as far as a token has to agree with it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from qsjwt.tokens.rules import Rule

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class RegisteredKey(NamedTuple):
    """A public key as the platform has it.

    :ivar text: PEM, on one line or several, or a JWK (RFC 7517): what ``--cert-publickey`` takes.
    :ivar key_id: the key ID under which the platform knows it; None for that of a JWK, if any.
    """

    text: str
    key_id: str | None = None


class Registration(NamedTuple):
    """What an administrator has registered.

    :ivar keys: any of them may have made the signature.
    :ivar claims: claims that must have this very value, such as ``iss``.
    :ivar claim_names: where the administrator may rename claims: option to the claim's name; empty if no claim is read.
    :ivar rules: further rules that hold by what is registered, for ``check`` to judge by.
    """

    keys: Sequence[RegisteredKey] = ()
    claims: Mapping[str, Any] = _NOTHING
    claim_names: Mapping[str, str] = _NOTHING
    rules: Sequence[Rule] = ()
