"""Everything that a platform, a key provider or a command of another package may import from qsjwt."""

from qsjwt import rules
from qsjwt.batch import RowResult, create_token, create_tokens
from qsjwt.certificate import (
    KEY_FILES,
    KEY_SIZES,
    CertificateRequest,
    KeyPair,
    KeyPairRequest,
    create_key_pair,
    self_signed_certificate,
)
from qsjwt.claim_names import REGISTERED_CLAIMS, add_claim_name_options, claim_names
from qsjwt.command import Command, PlatformCommand
from qsjwt.creation import CreatedToken
from qsjwt.deadline import within
from qsjwt.duration import format_duration
from qsjwt.errors import (
    InputError,
    KeyUnavailable,
    PluginError,
    QsJwtError,
    SigningFailed,
    UnsuitableKey,
    VerificationFailed,
)
from qsjwt.files import PRIVATE, PUBLIC, NewFile, write_files
from qsjwt.inputs import read_file, read_standard_input, read_variable, user_path, whole_number, why_not
from qsjwt.jwt import Token
from qsjwt.keys import KeyProvider, Secrets, local_signer, open_signer, service_timeout, split_settings
from qsjwt.pem import load_private_key, load_public_keys
from qsjwt.platform import Finding, Platform, Rule, Status, fitted_time_claims, time_claims
from qsjwt.public import PublicKey
from qsjwt.redaction import quoted
from qsjwt.rows import Row
from qsjwt.signer import LocalSigner, Signer, digest, jose_signature

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
    "UnsuitableKey",
    "VerificationFailed",
    "add_claim_name_options",
    "claim_names",
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
