"""JSON Web Tokens for Qlik: the program is ``qsjwt --help``, the plugin API ``qsjwt.api``."""

__version__ = "0.1.0"
