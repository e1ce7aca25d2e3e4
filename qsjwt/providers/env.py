"""``env:NAME``: a private key in an environment variable."""

from qsjwt.api import KeyProvider, KeyUnavailable, Secrets, Signer, local_signer
from qsjwt.io.read import read_variable


class EnvProvider(KeyProvider):
    """``env:NAME``, the variable *NAME* holding the text of a private key, as CI systems hand secrets over."""

    summary = "env:NAME         a private key in an environment variable"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read the variable.

        :raises KeyUnavailable: if it is not set, or holds no private key that can be decrypted.
        """
        data = read_variable(reference, "private key", error=KeyUnavailable)
        source = f"the environment variable '{reference}'"
        return local_signer(data, source, secrets)
