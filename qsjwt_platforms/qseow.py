"""Client-managed Qlik Sense (QSEoW): a virtual proxy with JWT authentication."""

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from qsjwt.api import (
    Broken,
    Case,
    Check,
    OptionGroup,
    Platform,
    Problem,
    PublicKey,
    Rule,
    Token,
    TokenRequest,
    Unknown,
    checks,
    quoted,
    registered_key,
    time_claims,
)
from qsjwt_platforms.virtual_proxy import (
    CLAIM_NAMES,
    MAX_DESCRIPTION,
    MAX_NAME,
    MAX_PREFIX,
    USERS,
    node_id,
    read_virtual_proxy,
    virtual_proxy,
)

if TYPE_CHECKING:
    from qsjwt.api import Exchange, Explanation, JsonObject, Presentation, Registration, Request, Site, Survey

_OTHER_NAMES: Final = {"userid": ("userId", "user"), "userdir": ("userDirectory", "directory")}
"""Names that are in use: Qlik Support 1716226, and enigma.js, sense-using-jwt."""

_HELP: Final = "help.qlik.com, Sense admin, JWT authentication"
_SETUP: Final = "community.qlik.com, Qlik Support 1716226"
_TICKETS: Final = "help.qlik.com, Proxy Service API, Ticket: Add (said of tickets)"
_REPORTED: Final = "github.com/bintocher/qlik-sense-mcp, AUTH_JWT.md (a report)"
_QRS: Final = "github.com/Informatiqal/qlik-repo-api, interfaces.ts (a report)"
_LIMITS: Final = (
    "help.qlik.com, Repository Service API, proxy service: maxHeaderLineBytes 8192, maxHeaderSizeBytes 16384"
)
_REFUSED: Final = "401, as users report"

_time: Final = functools.partial(checks.time, required=False, whole=False)


def _user(name: str, option: str, title: str) -> Rule:
    """Return the rule of a claim that says who the user is: a string that does not name the directory as well."""

    @checks.reading(option)
    def check(case: Case) -> Iterable[Problem]:
        claim = case.name(option)
        value = case.claims[claim]
        if "\\" not in value:
            return ()
        message = f"{title} (claim {quoted(claim)}) must not contain a backslash, as {quoted(value)} does"
        return [Broken(message, "give the directory with --userdir and the user with --userid", "", _TICKETS)]

    requirement = f"the claim for {title} has the required name and form"
    string = checks.string(option, title=title, others=_OTHER_NAMES[option])
    return Rule(name, requirement, _SETUP, _unless_constant(option, checks.in_turn(string, check)), _REFUSED)


def _unless_constant(option: str, check: Check) -> Check:
    """Return *check*, which does not decide where the virtual proxy has ``[LAB]`` instead of a claim's name."""

    def constant(case: Case) -> Iterable[Problem]:
        if not case.registered:
            return ()
        name = case.name(option)
        if not (name.startswith("[") and name.endswith("]")):
            return ()
        return [Unknown(f"{quoted(name)} is registered, which may be a constant and no name; no document says so")]

    return checks.in_turn(checks.reading()(constant), check)


def _attribute(option: str, title: str) -> Rule:
    """Return the rule of a claim that reaches Qlik only if the virtual proxy maps it.

    Names are free, so one that is nearly the expected one may be the right one: only the virtual proxy knows.
    """

    @checks.reading()
    def check(case: Case) -> Iterable[Problem]:
        name = case.name(option)
        if name in case.claims:
            return ()
        names = (name or usual, f"{usual}s", usual)
        other = next(filter(None, (checks.similar(case.claims, each) for each in names)), None)
        if other is None or other in case.names.values():
            return ()
        if not name:
            message = f"the token has {quoted(other)}, but the virtual proxy maps no claim to {quoted(usual)}"
            return [Broken(message, "add a row to its attribute mapping, or leave the claim out", "", _HELP)]
        if case.registered:
            message = f"the token has {quoted(other)}, but the virtual proxy maps {quoted(name)} to {quoted(usual)}"
            return [Broken(message, checks.lacking(case, option, others=[other])[0].hint, "", _HELP)]
        message = f"there is a claim {quoted(other)} but no {quoted(name)}, and a virtual proxy maps names exactly"
        return [Unknown(message, f"if it maps {quoted(other)}, use --{option}-claim {quoted(other)}")]

    usual = CLAIM_NAMES[option]
    requirement = f"the claim for {title}, if present, is a string or an array of strings"
    return Rule(option, requirement, _HELP, checks.in_turn(checks.string_or_strings(option, required=False), check))


@checks.reading("aud")
def _not_empty(case: Case) -> Iterable[Problem]:
    return [Broken("the claim 'aud' is an empty array")] if case.claims.get("aud") == [] else ()


_AUDIENCE: Final = checks.in_turn(checks.string_or_strings("aud", required=False), _not_empty)


class Qseow(Platform):
    """Qlik Sense Enterprise on Windows.

    Which claim holds the user ID and the user directory is what the virtual proxy's administrator typed; any
    further claim reaches Qlik only through a row of its attribute mapping.
    """

    summary = "client-managed Qlik Sense (QSEoW)"
    product = "Qlik Sense"
    algorithms = ("RS256", "RS384", "RS512")
    claim_names = CLAIM_NAMES
    user_claims = USERS
    example = "qsjwt create-qseow --userdir LAB --userid anna --expires 48h --key file:privatekey.pem"
    administrators = ("client-certificate", "token")
    rules = (
        Rule("algorithm", "the algorithm is RS256, RS384 or RS512", _HELP, checks.algorithm(algorithms)),
        _user("user-id", "userid", "the user ID"),
        _user("user-directory", "userdir", "the user directory"),
        _attribute("username", "the user's name"),
        _attribute("useremail", "the email address"),
        _attribute("groups", "the groups"),
        Rule("iss", "the issuer (iss), if present, is a string", _HELP, checks.string("iss", required=False)),
        Rule("aud", "the audience (aud) is that of the virtual proxy, if any", _QRS, _AUDIENCE, option="--audience"),
        Rule("iat", "iat, if present, is in the past", _REPORTED, _time("iat", past=True), _REFUSED),
        Rule("nbf", "nbf, if present, is in the past", _HELP, _time("nbf"), _REFUSED),
        Rule("exp", "exp, if present, is in the future", _HELP, _time("exp"), _REFUSED),
        Rule("size", "a header has room for the token", _LIMITS, checks.size(8_000, 16_000)),
        *registered_key(algorithms, _SETUP, _REFUSED, certificate=_SETUP),
    )

    def add_options(self, options: OptionGroup) -> None:
        """Add who the user is."""
        options.add("--userdir", required=True, metavar="DIRECTORY", help="user directory")
        options.add("--userid", required=True, metavar="ID", help="user ID")
        options.add("--username", metavar="NAME", help="user's name")
        options.add("--useremail", metavar="EMAIL", help="user's email address")
        options.add("--groups", nargs="+", action="extend", metavar="GROUP", help="groups of the user; repeatable")

    def add_shared_options(self, options: OptionGroup) -> None:
        """Add the audience that the virtual proxy wants, and an issuer."""
        options.add("--audience", metavar="AUDIENCE", help="aud, if the virtual proxy has one", longest=MAX_NAME)
        options.add("--issuer", metavar="ISSUER", advanced=True, help="iss")

    def add_registration_options(self, options: OptionGroup) -> None:
        """Add what a virtual proxy has beside the key and the claims' names."""
        options.add(
            "--prefix",
            default="jwt",
            metavar="PREFIX",
            help="path of the virtual proxy; default %(default)s",
            longest=MAX_PREFIX,
        )
        options.add(
            "--description",
            metavar="TEXT",
            advanced=True,
            help="its description; default: JWT and the prefix",
            longest=MAX_DESCRIPTION,
        )
        options.add(
            "--node-id",
            type=node_id,
            action="append",
            metavar="UUID",
            advanced=True,
            help="engine node that it balances load to, without one it answers 500; repeatable",
        )
        options.add(
            "--allowed-host",
            action="append",
            metavar="HOST",
            advanced=True,
            help="name that clients may call it by; repeatable",
        )

    def add_register_options(self, options: OptionGroup) -> None:
        """Add as whom to act, and where the virtual proxy belongs."""
        from qsjwt_platforms import qseow_repository

        options.add(
            "--as",
            dest="acting_user",
            type=qseow_repository.acting_user,
            default=qseow_repository.CENTRAL,
            metavar="DIRECTORY\\USER",
            advanced=True,
            help="user to act as with --client-cert; default %(default)s",
        )
        options.add(
            "--node",
            action="append",
            metavar="NAME",
            advanced=True,
            help="engine node that it balances load to, by its name or host name; default the central one; repeatable",
        )
        options.add(
            "--proxy",
            action="append",
            metavar="NAME",
            advanced=True,
            help="proxy to link it to, by the name or host name of its node; default all; repeatable",
        )

    def build(self, request: TokenRequest, now: int) -> Token:
        """Return the token; each claim has the name that the options give it."""
        options, names = request.options, request.claim_names
        values = {
            "userid": options.userid,
            "userdir": options.userdir,
            "username": options.username,
            "useremail": options.useremail,
            "groups": options.groups,
        }
        claims = {names[option]: value for option, value in values.items() if value is not None}
        given = {"iss": options.issuer, "aud": options.audience}
        claims |= {name: value for name, value in given.items() if value is not None}
        return Token({}, {**claims, **time_claims(request, now)})

    def registration(self, request: TokenRequest, public: PublicKey) -> Mapping[str, Any]:
        """Return the body for ``POST /qrs/virtualproxyconfig``."""
        return virtual_proxy(request, public)

    def read_registration(self, entity: "JsonObject") -> "Registration":
        """Return what a virtual proxy says: ``GET /qrs/virtualproxyconfig/{id}``."""
        return read_virtual_proxy(entity)

    def present(self, presented: "Presentation") -> "Exchange":
        """See :mod:`qsjwt_platforms.qseow_session`, which a token alone does not need."""
        from qsjwt_platforms import qseow_session

        return qseow_session.present(presented)

    def end_session(self, presented: "Presentation") -> "Iterable[Request]":
        """Log out."""
        from qsjwt_platforms import qseow_session

        return qseow_session.end_session(presented)

    def explanations(self) -> "Sequence[Explanation]":
        """Return what is known of refusals."""
        from qsjwt_platforms import qseow_session

        return qseow_session.EXPLANATIONS

    def register(self, request: TokenRequest, public: PublicKey, site: "Site") -> "Survey":
        """See :mod:`qsjwt_platforms.qseow_repository`."""
        from qsjwt_platforms import qseow_repository

        return qseow_repository.register(request, public, site)

    def register_explanations(self) -> "Sequence[Explanation]":
        """Return what is known of the repository's refusals."""
        from qsjwt_platforms import qseow_repository

        return qseow_repository.EXPLANATIONS
