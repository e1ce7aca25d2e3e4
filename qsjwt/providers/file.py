"""``file:PATH``: a private key in a file."""

from qsjwt.api import KeyProvider, KeyUnavailable, Secrets, Signer, local_signer, quoted, read_file


class FileProvider(KeyProvider):
    """``file:PATH``, the path as it is: a ``?``, ``#`` or ``:`` in it is part of the name.

    The file holds one key for RSA or on a curve, in PEM, DER, OpenSSH's format or as a JWK, plain or encrypted; the
    certificate beside it is there for ``registration`` and ``show-key``.
    """

    summary = "file:PATH        a private key in a file: PEM, DER or JWK"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read the file.

        :raises KeyUnavailable: if it is missing, unreadable, or holds no private key that can be decrypted.
        """
        what = "private key file"
        data = read_file(reference, what, error=KeyUnavailable)
        return local_signer(data, f"the {what} {quoted(reference)}", secrets)
