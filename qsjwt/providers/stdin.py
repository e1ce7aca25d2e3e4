"""``stdin:``: a private key from standard input."""

from qsjwt.api import InputError, KeyProvider, Secrets, Signer, local_signer
from qsjwt.io.read import read_standard_input


class StdinProvider(KeyProvider):
    """``stdin:``, with nothing after the colon: all of standard input is the text of a private key."""

    summary = "stdin:           a private key on standard input"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read standard input to its end.

        :raises KeyUnavailable: if it holds no private key that can be decrypted.
        """
        if reference:
            raise InputError("the key reference stdin: has nothing after the colon")
        data = read_standard_input("--key stdin:")
        return local_signer(data, "standard input", secrets)
