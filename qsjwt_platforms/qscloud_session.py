"""Qlik Cloud: how a token becomes a session, and what its refusals mean."""

from typing import Final

from qsjwt.api import Exchange, Explanation, Presentation, Request, Session

_LOGIN: Final = "qlik.dev/apis/rest/login"
_CSRF: Final = "qlik.dev/apis/rest/csrf-token"
_LIMITS: Final = "qlik.dev, rate limiting"
_TENANT: Final = "community.qlik.com, Qlik Support 1710940"
_USERS: Final = "community.qlik.com, Qlik Support 1972823"
_ORIGIN: Final = "qsda.help.motio.com (a report)"
_ADD_ORIGIN: Final = "add the exact origin to the web integration"

EXPLANATIONS: Final = (
    Explanation(
        400,
        "a claim is missing that Qlik Cloud requires",
        "create the token with create-qscloud, which sets them all",
        "community.qlik.com, Qlik Support 2435784",
        code="INTERNAL-TOKEN-1",
        rules=("iss", "aud", "sub", "subType", "jti", "iat", "nbf", "exp"),
    ),
    Explanation(
        401,
        "there is no tenant at this host, or none with a JWT identity provider",
        "look at the host in --url: it is the tenant's own, such as mytenant.eu.qlikcloud.com",
        _TENANT,
        code="LOGIN-2",
        token=False,
    ),
    Explanation(
        403,
        "the user is not a member of the tenant",
        "invite the user, or let the tenant create users at their first login",
        _TENANT,
        code="AUTH-5",
    ),
    Explanation(
        400,
        "several active users have the token's email address",
        "use --subject with the subject of the one that is meant, or remove the others",
        _USERS,
        code="LOGIN-12",
    ),
    Explanation(403, "the user's invitation has expired", "invite the user again", _USERS, code="USER_INVITE_EXPIRED"),
    Explanation(
        401,
        "the web integration does not list the page to return to",
        _ADD_ORIGIN,
        _ORIGIN,
        code="LOGIN-10",
        token=False,
    ),
    Explanation(401, "the page to return to is not allowed", _ADD_ORIGIN, _ORIGIN, code="LOGIN-8", token=False),
    Explanation(
        401,
        "the tenant has taken the token, but does not know the session that it opened",
        "let cookies through both ways, if a proxy of yours is in between",
        "npm @qlik/sdk 0.28.0",
        path="/api/v1/",
        token=False,
    ),
    Explanation(
        401,
        "no active identity provider has the token's issuer (iss) and key ID (kid), and the certificate of its key",
        "compare them in the administration console, Identity providers; give check the certificate with "
        "--cert-publickey-file",
        _LOGIN,
        rules=("iss", "kid", "signature"),
    ),
    Explanation(401, "the token was used before: its jti is good for once", "create another one", _LOGIN),
    Explanation(
        401,
        "the clocks differ: for the server the token begins in the future",
        "set this machine's clock, use a longer --clock-skew, or raise clockToleranceSec of the identity provider",
        _LOGIN,
        rules=("nbf",),
    ),
    Explanation(401, "the token has expired", "create another one", _LOGIN, rules=("exp",)),
    Explanation(401, "the user is disabled or deleted in the tenant", "look for the user in the tenant", _LOGIN),
    Explanation(
        429, "more than 100 logins a minute are made", "try again in a minute", _LIMITS, code="HTTP-429", token=False
    ),
    Explanation(
        400,
        "the tenant gives CSRF tokens to sessions alone, and this is none",
        "log in with a token for create-qscloud, not with an API key",
        _CSRF,
        code="CSRF-TOKEN-4",
        token=False,
    ),
    Explanation(
        404,
        "the session has no CSRF token",
        "reading works without one; log in again to write",
        _CSRF,
        code="CSRF-TOKEN-3",
        token=False,
    ),
)


def present(presented: Presentation) -> Exchange:
    """Log in, ask who that is, and get a CSRF token; ``users/me`` redirects to the user."""
    url = presented.url
    login = yield presented.request("POST", "/login/jwt-session", {"Content-Type": "application/json"})
    login.expect(200)
    user = (yield Request("GET", f"{url}/api/v1/users/me")).expect_object(200)
    csrf = (yield Request("GET", f"{url}/api/v1/csrf-token")).expect(200, 204, 404)
    token = csrf.header("qlik-csrf-token")
    groups = user.get("assignedGroups")
    shown = {name: user[name] for name in ("id", "subject", "name", "email", "status") if name in user}
    if isinstance(groups, list):
        shown["groups"] = [group.get("name") for group in groups if isinstance(group, dict)]
    return Session(
        shown,
        {"subject": "sub", "name": "name", "email": "email", "groups": "groups"},
        {
            "email": "Qlik Cloud reads an address only if email_verified is true",
            "groups": "in the tenant's settings, 'Creation of groups' must be on",
        },
        {"qlik-csrf-token": token} if token else {},
        remarks=() if token else ("the session has no CSRF token: it can read, but not write",),
    )
