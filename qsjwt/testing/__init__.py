"""Contract suites for pytest: what every signer, key provider and platform must do, whoever wrote it.

Subclass them in a test module, say how yours is made, and pytest runs the rest.
"""

from qsjwt.testing.keys import KeyProviderContract, SignerContract
from qsjwt.testing.platforms import PlatformContract
from qsjwt.testing.presentations import PresentationContract

__all__ = ["KeyProviderContract", "PlatformContract", "PresentationContract", "SignerContract"]
