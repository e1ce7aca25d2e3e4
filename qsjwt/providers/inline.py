"""``inline:PEM``: a private key as a parameter."""

from qsjwt.api import KeyProvider, Secrets, Signer, local_signer


class InlineProvider(KeyProvider):
    """``inline:PEM``, the text of a private key itself.

    While the program runs, others on the machine can see it in the list of processes: ``env:`` is better.
    """

    summary = "inline:PEM       a private key's text itself"

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Read the text.

        :raises KeyUnavailable: if it holds no private key that can be decrypted.
        """
        data = reference.encode("utf-8", "surrogateescape")
        return local_signer(data, "the private key on the command line", secrets)
