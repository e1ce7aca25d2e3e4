"""The administrator who registers: an API key, a client certificate or a token, none of them on the command line."""

import os
import re
from dataclasses import dataclass, field
from typing import Final

from qsjwt.errors import InputError
from qsjwt.io.read import read_text, read_variable, source_of
from qsjwt.options.parser import Parser
from qsjwt.options.token import compact_of
from qsjwt.tokens.request import Options

API_KEY: Final = "api-key"
CLIENT_CERTIFICATE: Final = "client-certificate"
TOKEN: Final = "token"  # noqa: S105 - the name of a way
VARIABLE: Final = "QLIK_API_KEY"

SERVERS: Final = {
    API_KEY: "https://TENANT.REGION.qlikcloud.com",
    CLIENT_CERTIFICATE: "https://HOST:4242 with --client-cert",
    TOKEN: "https://HOST/PREFIX with --jwt-file",
}
"""What an administrator calls, by the way in which they say who they are."""

_CREDENTIAL: Final = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Administrator:
    """Who registers.

    :ivar way: one of the platform's ``administrators``.
    :ivar bearer: the API key or the token; empty for none.
    :ivar client_certificate: files in PEM, the certificate and its key; None for none.
    """

    way: str
    bearer: str = field(default="", repr=False)
    client_certificate: tuple[str, str] | None = None

    @property
    def headers(self) -> dict[str, str]:
        """The headers that say who it is (RFC 6750, section 2.1)."""
        return {"Authorization": f"Bearer {self.bearer}"} if self.bearer else {}


def add_administrator_options(parser: Parser, ways: tuple[str, ...]) -> None:
    """Add what says who the administrator is.

    :param ways: those of the platform.
    """
    if not ways:
        return
    group = parser.group("administrator")
    if API_KEY in ways:
        group.add(
            "--api-key-env", metavar="NAME", help=f"variable that holds an administrator's API key; default {VARIABLE}"
        )
        group.add("--api-key-file", metavar="FILE", help="file that holds it, - for stdin", verbatim=True)
    if CLIENT_CERTIFICATE in ways:
        group.add("--client-cert", metavar="FILE", help="client certificate, in PEM: client.pem", verbatim=True)
        group.add("--client-key", metavar="FILE", help="its private key, in PEM: client_key.pem", verbatim=True)
    if TOKEN in ways:
        group.add(
            "--jwt-file",
            metavar="FILE",
            help="administrator's token, if --url is a virtual proxy; - for stdin",
            verbatim=True,
        )


def administrator(options: Options, ways: tuple[str, ...]) -> Administrator:
    """Return who the administrator is that *options* name.

    :param ways: those of the platform.
    :raises InputError: if nobody is named, or more than one, or a secret cannot be read.
    """
    if not ways:
        return Administrator("")  # the platform itself says what comes of that
    certificate = (options.get("client_cert"), options.get("client_key"))
    if (certificate[0] is None) != (certificate[1] is None):
        raise InputError("--client-cert and --client-key go together", hint="give both: client.pem and client_key.pem")
    given = {
        "--api-key-file": options.get("api_key_file"),
        "--api-key-env": options.get("api_key_env"),
        "--client-cert": certificate[0],
        "--jwt-file": options.get("jwt_file"),
    }
    named = [name for name, value in given.items() if value is not None]
    if len(named) > 1:
        raise InputError(f"{' and '.join(named)} both say who the administrator is", hint="use one of them")
    if certificate[0] is not None and certificate[1] is not None:
        return Administrator(CLIENT_CERTIFICATE, client_certificate=(certificate[0], certificate[1]))
    if given["--jwt-file"] is not None:
        text = read_text(given["--jwt-file"], "token file", "--jwt-file")
        token = compact_of(text, source_of(given["--jwt-file"], "token file"), lambda _: None)
        return Administrator(TOKEN, _credential(token, "token"))
    if API_KEY not in ways:
        raise InputError(
            "the administrator's credentials are missing",
            hint="use --client-cert and --client-key, which the QMC exports, or --jwt-file",
        )
    if given["--api-key-file"] is not None:
        text = read_text(given["--api-key-file"], "API key file", "--api-key-file")
    elif given["--api-key-env"] is None and VARIABLE not in os.environ:
        raise InputError(
            f"no API key is given: the variable {VARIABLE} is not set",
            hint="a tenant administrator makes one under Profile settings, API keys; or use --api-key-file",
        )
    else:
        variable = given["--api-key-env"] or VARIABLE
        text = os.fsdecode(read_variable(variable, "API key", error=InputError, show=False))
    return Administrator(API_KEY, _credential(text, "API key"))


def _credential(text: str, what: str) -> str:
    """Return *text* without what surrounds it."""
    value = text.strip("\ufeff \t\r\n\"'")
    if not _CREDENTIAL.fullmatch(value):
        raise InputError(f"the {what} is empty, or has something in it that no {what} has", hint="copy it again")
    return value
