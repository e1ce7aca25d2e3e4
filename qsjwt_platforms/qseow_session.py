"""Client-managed Qlik Sense: how a token opens a session at a virtual proxy, and what its refusals mean."""

from collections.abc import Iterable
from typing import Final

from qsjwt.api import Exchange, Explanation, Presentation, Request, Session

XRFKEY: Final = "qsjwtqsjwtqsjwt0"
"""16 letters and digits, the same in the query and in a header (help.qlik.com, Using Xrfkey headers)."""

_HEADERS: Final = {"X-Qlik-Xrfkey": XRFKEY}
_REPORTED: Final = "github.com/bintocher/qlik-sense-mcp, AUTH_JWT.md (a report)"
_SETUP: Final = "community.qlik.com, Qlik Support 1716226"
_XRFKEY: Final = "help.qlik.com, Using Xrfkey headers"
_WEBSOCKETS: Final = "community.qlik.com, Qlik Support 2509211"
_PREFIX: Final = "The http request header is incorrect"

XSRF: Final = Explanation(
    403,
    "the Xrfkey in the query and that in the header differ, or a proxy on the way drops one of them",
    "let the query and the header X-Qlik-Xrfkey through",
    _XRFKEY,
    text="XSRF prevention check failed",
    token=False,
)

EXPLANATIONS: Final = (
    Explanation(
        401,
        "the certificate in the virtual proxy is not that of the key that signed the token",
        "put the certificate of the key into the virtual proxy; registration qseow prints it",
        _SETUP,
        rules=("signature", "certificate"),
    ),
    Explanation(
        401,
        "the claims for user ID and user directory have other names than the virtual proxy expects, case included",
        "compare the token with 'JWT attribute for user ID' and '… user directory'; --userid-claim and --userdir-claim "
        "give the names",
        _SETUP,
    ),
    Explanation(
        401,
        "the virtual proxy has an audience, and the token has another or none",
        "use --audience",
        "github.com/Informatiqal/qlik-repo-api, interfaces.ts (a report)",
    ),
    Explanation(
        401,
        "a claim is missing that the virtual proxy's attribute mapping calls mandatory",
        "add it to the token, or untick 'Mandatory'",
        "help.qlik.com, Virtual proxies, JWT attribute mapping",
    ),
    Explanation(401, "the user is unknown or disabled in Qlik Sense", "look for the user in the QMC", _REPORTED),
    Explanation(
        401,
        "the clocks differ: for the server the token begins in the future",
        "set both clocks, or use a longer --clock-skew",
        _REPORTED,
        rules=("iat", "nbf"),
    ),
    Explanation(401, "the token has expired", "create another one", _REPORTED, rules=("exp",)),
    Explanation(
        400,
        "there is no virtual proxy with this prefix, or it is not linked to the proxy",
        "look at the path in --url; in the QMC link the virtual proxy to its proxy service, and to the central one",
        _REPORTED,
        text=_PREFIX,
        token=False,
    ),
    Explanation(
        400,
        "the token is too long for a header, which may have 8,192 bytes in a line and 16,384 in all",
        "use fewer groups and claims, or raise both limits of the proxy service",
        "help.qlik.com, Repository Service API, proxy service settings",
    ),
    XSRF,
    Explanation(
        403,
        "the Origin or the CSRF token of a websocket is missing",
        "send the cookie, the CSRF token in the query and an Origin of the host allow list",
        _WEBSOCKETS,
        text="Cross-Site Websocket Hijacking attack prevention check failed",
        token=False,
    ),
    Explanation(
        403,
        "the host in --url is not in the virtual proxy's host allow list",
        "add its exact name, without https:// and port, or call the server by a name that is there",
        _REPORTED,
        token=False,
    ),
    Explanation(
        403,
        "the token has not reached the proxy, which answers 403 where others answer 401",
        "let the header Authorization through",
        "npm @qlik/api 2.19.0",
        token=False,
    ),
    Explanation(
        500,
        "the virtual proxy has no engine node to balance load to",
        "add a load balancing node to the virtual proxy; registration qseow has --node-id",
        "github.com/qlik-oss/enigma.js, issue 380 (a report)",
        text="Unable to route",
        token=False,
    ),
    *(
        Explanation(
            status,
            "this address belongs to a virtual proxy with another way to log in",
            "give the prefix of the virtual proxy for tokens, as in https://sense.example.com/jwt, and see whether its "
            "authentication method is JWT",
            "npm @qlik/api 2.19.0",
            token=False,
        )
        for status in (301, 302, 303, 307, 308)
    ),
    Explanation(
        200,
        "the virtual proxy takes no tokens: it opened no session",
        "set its authentication method to JWT",
        "help.qlik.com, Proxy Service API, Personal: Get",
        text='"inactive"',
    ),
    Explanation(
        0,
        "the token is right, but its user has no access pass",
        "allocate a professional, analyzer or analyzer capacity access to the user in the QMC",
        "github.com/qlik-oss/enigma.js, issue 713 (a report)",
        text="OnLicenseAccessDenied",
    ),
    Explanation(
        0,
        "the user has five sessions already",
        "keep the cookie and use it again, or wait until a session has ended",
        "community.qlik.com, Qlik Support 000005527",
        text="OnMaxParallelSessionsExceeded",
    ),
)


def present(presented: Presentation) -> Exchange:
    """Open a session, ask whose it is, and return both; the CSRF token is there from November 2024 on."""
    url, bearer = presented.url, {**_HEADERS, **presented.bearer}
    opened = yield Request("GET", f"{url}/qps/csrftoken?xrfkey={XRFKEY}", bearer, follow=False)
    csrf_token = opened.expect(200, 204, 404).header("qlik-csrf-token")
    # Who presents a token again may get another session: the cookie alone says who it is. An old site has set none yet.
    known = _HEADERS if opened.header("Set-Cookie") else bearer
    answer = yield Request("GET", f"{url}/qps/user?xrfkey={XRFKEY}", known, follow=False)
    user = answer.expect_object(200, member="userId")
    names = presented.claim_names
    return Session(
        {name: user[name] for name in ("userDirectory", "userId", "userName") if name in user},
        {"userDirectory": names["userdir"], "userId": names["userid"], "userName": names["username"]},
        {"userName": "Qlik Sense reads it only if a row of the virtual proxy's attribute mapping has it"},
        {"qlik-csrf-token": csrf_token} if csrf_token else {},
    )


def end_session(presented: Presentation) -> Iterable[Request]:
    """Log out: a user has five sessions at most."""
    yield Request("DELETE", f"{presented.url}/qps/user?xrfkey={XRFKEY}", _HEADERS, follow=False)
