"""A new certificate for a key that exists already, as options want it."""

import time

from qsjwt.io.read import whole_number
from qsjwt.keys.generate import CertificateRequest, self_signed_certificate
from qsjwt.keys.load import load_certificates
from qsjwt.keys.public import PublicKey
from qsjwt.keys.reference import key_guard
from qsjwt.keys.signer import Signer
from qsjwt.tokens.request import Options


def certificate_request(options: Options) -> CertificateRequest:
    """Return what the certificate is to be.

    :param options: among them those of :func:`qsjwt.options.key.add_certificate_options`.
    :raises InputError: if one is out of range.
    """
    days, name = options.cert_create_expires_days, options.cert_common_name
    return CertificateRequest(
        days=365 if days is None else whole_number(days, "validity of a new certificate in days"),
        common_name="qsjwt" if name is None else name,
        now=int(time.time()),
    )


def certified(signer: Signer, reference: str, request: CertificateRequest, algorithm: str) -> tuple[PublicKey, bytes]:
    """Return the key of *signer* with a new certificate, signed by the key itself, and that certificate in PEM.

    :param reference: the key's, for messages.
    :param algorithm: a JWA name (RFC 7518, section 3.1), one that *signer* can do.
    :raises InputError: if certificates are not signed with *algorithm* here.
    :raises SigningFailed: if the signer fails, or its signature does not verify.
    """
    with key_guard(reference, "sign"):
        pem = self_signed_certificate(signer, request, algorithm)
    return PublicKey(signer.public_key, load_certificates(pem, "the new certificate")[0]), pem
