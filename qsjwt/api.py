"""Everything that a platform, a key provider or a command of another package may import from qsjwt."""

from qsjwt.certificate import KeyPair, KeyPairRequest, create_key_pair
from qsjwt.command import Command
from qsjwt.duration import format_duration
from qsjwt.errors import (
    InputError,
    KeyUnavailable,
    PluginError,
    QsJwtError,
    SigningFailed,
    VerificationFailed,
)
from qsjwt.files import PRIVATE, PUBLIC, NewFile, write_files
from qsjwt.inputs import read_file, read_standard_input, read_variable, user_path, why_not
from qsjwt.jwt import Token
from qsjwt.keys import KeyProvider, Secrets, open_signer, split_settings
from qsjwt.pem import load_private_key
from qsjwt.platform import Finding, Platform, Severity, time_claims
from qsjwt.redaction import quoted
from qsjwt.signer import LocalSigner, Signer, jose_signature

__all__ = [
    "PRIVATE",
    "PUBLIC",
    "Command",
    "Finding",
    "InputError",
    "KeyPair",
    "KeyPairRequest",
    "KeyProvider",
    "KeyUnavailable",
    "LocalSigner",
    "NewFile",
    "Platform",
    "PluginError",
    "QsJwtError",
    "Secrets",
    "Severity",
    "Signer",
    "SigningFailed",
    "Token",
    "VerificationFailed",
    "create_key_pair",
    "format_duration",
    "jose_signature",
    "load_private_key",
    "open_signer",
    "quoted",
    "read_file",
    "read_standard_input",
    "read_variable",
    "split_settings",
    "time_claims",
    "user_path",
    "why_not",
    "write_files",
]
