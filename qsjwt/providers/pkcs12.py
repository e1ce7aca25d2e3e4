"""``pkcs12:FILE``: a private key in a PKCS#12 file (.p12, .pfx), with its certificate."""

from urllib.parse import unquote

from qsjwt.api import KeyProvider, KeyUnavailable, Secrets, Signer, local_signer, quoted, read_file

_ALIAS = "?alias="


class Pkcs12Provider(KeyProvider):
    """``pkcs12:FILE`` or ``pkcs12:FILE?alias=NAME``; any other ``?``, ``#`` or ``:`` is part of the file's name.

    The file (RFC 7292) holds a private key, and its certificate, as openssl, keytool and Windows export them; its
    password is the passphrase. Of several keys, the alias, which some programs call the friendly name, chooses one. It
    may be in base64, as secrets stores have it. Its certificate is there for ``registration`` and ``show-key``.
    """

    summary = "pkcs12:FILE      a private key in a PKCS#12 file (.p12, .pfx)"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read the file.

        :raises KeyUnavailable: if it is missing, is no PKCS#12, has another password, or holds no private key, or
            several of which none is chosen.
        """
        what = "PKCS#12 file"
        path, mark, alias = reference.rpartition(_ALIAS)
        path, alias = (path, unquote(alias)) if mark else (reference, "")
        data = read_file(path, what, error=KeyUnavailable)
        if b"-----BEGIN" in data:
            raise KeyUnavailable(f"the {what} {quoted(path)} is not PKCS#12", hint="a key in PEM is given as file:FILE")
        return local_signer(data, f"the {what} {quoted(path)}", secrets, alias or None)
