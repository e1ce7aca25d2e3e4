"""Everything that a platform, a key provider or a command of another package may import from qsjwt."""

import importlib
from typing import TYPE_CHECKING, Any

from qsjwt.errors import (
    InputError,
    KeyUnavailable,
    PluginError,
    QsJwtError,
    ServerUnavailable,
    SigningFailed,
    VerificationFailed,
)
from qsjwt.io.deadline import within
from qsjwt.io.read import read_file, user_path
from qsjwt.keys.load import load_public_keys
from qsjwt.keys.public import PublicKey
from qsjwt.keys.reference import KeyProvider, Secrets, local_signer, open_signer, service_timeout, split_settings
from qsjwt.keys.signer import Signer, digest, jose_signature
from qsjwt.options.group import OptionGroup
from qsjwt.redaction import quoted, shown
from qsjwt.times import format_duration
from qsjwt.tokens import checks
from qsjwt.tokens.claim_names import REGISTERED_CLAIMS
from qsjwt.tokens.create import CreatedToken
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import Platform, fitted_time_claims, time_claims
from qsjwt.tokens.request import Options, TokenRequest
from qsjwt.tokens.rules import Broken, Case, Check, Missing, Problem, Rule, Unknown, registered_key

if TYPE_CHECKING:
    from qsjwt.batch.calls import create_token, create_tokens
    from qsjwt.batch.engine import RowResult
    from qsjwt.batch.prepared import PreparedRequest, prepare
    from qsjwt.batch.rows import Row
    from qsjwt.cli.command import Command, PlatformCommand
    from qsjwt.io.file_set import NewFile, write_files
    from qsjwt.io.json_object import JsonObject
    from qsjwt.live.exchange import Exchange, Explanation, Presentation, Session
    from qsjwt.live.messages import Request, Response
    from qsjwt.live.plan import Change, Changing, Difference, Facts, Plan, Site, Survey, differences, merged
    from qsjwt.tokens.registered import RegisteredKey, Registration

__all__ = [
    "REGISTERED_CLAIMS",
    "Broken",
    "Case",
    "Change",
    "Changing",
    "Check",
    "Command",
    "CreatedToken",
    "Difference",
    "Exchange",
    "Explanation",
    "Facts",
    "InputError",
    "JsonObject",
    "KeyProvider",
    "KeyUnavailable",
    "Missing",
    "NewFile",
    "OptionGroup",
    "Options",
    "Plan",
    "Platform",
    "PlatformCommand",
    "PluginError",
    "PreparedRequest",
    "Presentation",
    "Problem",
    "PublicKey",
    "QsJwtError",
    "RegisteredKey",
    "Registration",
    "Request",
    "Response",
    "Row",
    "RowResult",
    "Rule",
    "Secrets",
    "ServerUnavailable",
    "Session",
    "Signer",
    "SigningFailed",
    "Site",
    "Survey",
    "Token",
    "TokenRequest",
    "Unknown",
    "VerificationFailed",
    "checks",
    "create_token",
    "create_tokens",
    "differences",
    "digest",
    "fitted_time_claims",
    "format_duration",
    "jose_signature",
    "load_public_keys",
    "local_signer",
    "merged",
    "open_signer",
    "prepare",
    "quoted",
    "read_file",
    "registered_key",
    "service_timeout",
    "shown",
    "split_settings",
    "time_claims",
    "user_path",
    "within",
    "write_files",
]

_SELDOM_USED = {
    **dict.fromkeys(("Command", "PlatformCommand"), "qsjwt.cli.command"),
    "JsonObject": "qsjwt.io.json_object",
    **dict.fromkeys(("NewFile", "write_files"), "qsjwt.io.file_set"),
    **dict.fromkeys(("RegisteredKey", "Registration"), "qsjwt.tokens.registered"),
    "Row": "qsjwt.batch.rows",
    "RowResult": "qsjwt.batch.engine",
    **dict.fromkeys(("create_token", "create_tokens"), "qsjwt.batch.calls"),
    **dict.fromkeys(("PreparedRequest", "prepare"), "qsjwt.batch.prepared"),
    **dict.fromkeys(("Exchange", "Explanation", "Presentation", "Session"), "qsjwt.live.exchange"),
    **dict.fromkeys(("Request", "Response"), "qsjwt.live.messages"),
    **dict.fromkeys(
        ("Change", "Changing", "Difference", "Facts", "Plan", "Site", "Survey", "differences", "merged"),
        "qsjwt.live.plan",
    ),
}
"""Names to their modules, which a platform and a key provider do not need for one token."""


def __getattr__(name: str) -> Any:
    if name not in _SELDOM_USED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_SELDOM_USED[name]), name)
