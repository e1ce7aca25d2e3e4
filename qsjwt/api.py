"""Everything that a platform, a key provider or a command of another package may import from qsjwt."""

from qsjwt.batch.engine import RowResult, create_token, create_tokens
from qsjwt.batch.rows import Row
from qsjwt.cli.command import Command, PlatformCommand
from qsjwt.errors import (
    InputError,
    KeyUnavailable,
    PluginError,
    QsJwtError,
    SigningFailed,
    UnsuitableKey,
    VerificationFailed,
)
from qsjwt.io.deadline import within
from qsjwt.io.read import read_file, read_standard_input, read_variable, user_path, whole_number, why_not
from qsjwt.io.write import PRIVATE, PUBLIC, NewFile, write_files
from qsjwt.keys.generate import (
    KEY_FILES,
    KEY_SIZES,
    CertificateRequest,
    KeyPair,
    KeyPairRequest,
    create_key_pair,
    self_signed_certificate,
)
from qsjwt.keys.load import load_private_key, load_public_keys
from qsjwt.keys.public import PublicKey
from qsjwt.keys.reference import KeyProvider, Secrets, local_signer, open_signer, service_timeout, split_settings
from qsjwt.keys.signer import LocalSigner, Signer, digest, jose_signature
from qsjwt.options.group import OptionGroup
from qsjwt.redaction import quoted
from qsjwt.times import format_duration
from qsjwt.tokens import rules
from qsjwt.tokens.claim_names import REGISTERED_CLAIMS
from qsjwt.tokens.create import CreatedToken
from qsjwt.tokens.jwt import Token
from qsjwt.tokens.platform import Finding, Platform, Rule, Status, fitted_time_claims, time_claims
from qsjwt.tokens.request import Options, TokenRequest

__all__ = [
    "KEY_FILES",
    "KEY_SIZES",
    "PRIVATE",
    "PUBLIC",
    "REGISTERED_CLAIMS",
    "CertificateRequest",
    "Command",
    "CreatedToken",
    "Finding",
    "InputError",
    "KeyPair",
    "KeyPairRequest",
    "KeyProvider",
    "KeyUnavailable",
    "LocalSigner",
    "NewFile",
    "OptionGroup",
    "Options",
    "Platform",
    "PlatformCommand",
    "PluginError",
    "PublicKey",
    "QsJwtError",
    "Row",
    "RowResult",
    "Rule",
    "Secrets",
    "Signer",
    "SigningFailed",
    "Status",
    "Token",
    "TokenRequest",
    "UnsuitableKey",
    "VerificationFailed",
    "create_key_pair",
    "create_token",
    "create_tokens",
    "digest",
    "fitted_time_claims",
    "format_duration",
    "jose_signature",
    "load_private_key",
    "load_public_keys",
    "local_signer",
    "open_signer",
    "quoted",
    "read_file",
    "read_standard_input",
    "read_variable",
    "rules",
    "self_signed_certificate",
    "service_timeout",
    "split_settings",
    "time_claims",
    "user_path",
    "whole_number",
    "why_not",
    "within",
    "write_files",
]
