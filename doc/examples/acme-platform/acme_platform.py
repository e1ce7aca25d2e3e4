"""Tokens for the portal of Acme Analytics."""

from qsjwt.api import Platform, RegisteredKey, Registration, Rule, Session, Token, checks, registered_key, time_claims

BOOK = "the Acme handbook, chapter"


class Acme(Platform):
    summary = "Acme Analytics"
    algorithms = ("RS256", "PS256")
    rules = (
        Rule("algorithm", "the algorithm is RS256 or PS256", f"{BOOK} 6", checks.algorithm(algorithms)),
        Rule("user", "the claim user is a string", f"{BOOK} 7", checks.string("user", hint="use --user"), "403"),
        Rule("iss", "the issuer (iss) is that of the site", f"{BOOK} 8", checks.string("iss"), option="--issuer"),
        Rule("exp", "exp is in the future", f"{BOOK} 9", checks.time("exp")),
        *registered_key(algorithms, f"{BOOK} 10"),
    )

    def add_options(self, group):
        group.add("--user", required=True, metavar="USER", help="who it is")

    def add_shared_options(self, group):
        group.add("--issuer", required=True, metavar="ISSUER", help="iss, as Acme knows it")

    def add_registration_options(self, group):
        group.add("--site", default="main", metavar="SITE", help="site of Acme; default %(default)s")

    def build(self, request, now):
        options = request.options
        return Token({}, {"user": options.user, "iss": options.issuer, **time_claims(request, now)})

    def registration(self, request, public):
        return {"site": request.options.site, "issuer": request.options.issuer, "key": public.pem}

    def read_registration(self, entity):
        return Registration([RegisteredKey(entity.required_text("key"))], {"iss": entity.required_text("issuer")})

    def present(self, presented):
        answer = yield presented.request("GET", "/whoami")
        return Session(answer.expect_object(200, member="user"), {"user": "user"})
