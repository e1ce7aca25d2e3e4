"""Tokens for the portal of Acme Analytics."""

from qsjwt.api import Platform, Rule, Token, rules, time_claims

ALGORITHM = Rule("algorithm", "the algorithm is RS256 or PS256", "the Acme handbook, chapter 6")
USER = Rule("user", "the claim user names a user", "the Acme handbook, chapter 7", answer="403")
ISS = Rule("iss", "the issuer (iss) is that of the site", "the Acme handbook, chapter 8", option="--issuer")
EXP = Rule("exp", "the token has not expired (exp)", "the Acme handbook, chapter 9")


class Acme(Platform):
    summary = "Acme Analytics"
    algorithms = ("RS256", "PS256")
    rules = (ALGORITHM, USER, ISS, EXP)

    def add_options(self, group):
        group.add("--user", required=True, metavar="USER", help="who it is")

    def add_shared_options(self, group):
        group.add("--issuer", required=True, metavar="ISSUER", help="iss, as Acme knows it")

    def add_registration_options(self, group):
        group.add("--site", default="main", metavar="SITE", help="site of Acme; default %(default)s")

    def build(self, request, now):
        return Token({}, {"user": request.options.user, "iss": request.options.issuer, **time_claims(request, now)})

    def expected(self, options):
        return Token({}, {} if options.issuer is None else {"iss": options.issuer})

    def check(self, token, now):
        yield from rules.algorithm(ALGORITHM, token, self.algorithms, "Acme")
        yield from rules.text(USER, token.claims, "user", "Acme", hint="use --user")
        yield from rules.text(ISS, token.claims, "iss", "Acme")
        yield from rules.time(EXP, token.claims, "exp", now, "Acme")

    def registration(self, request, public):
        return {"site": request.options.site, "issuer": request.options.issuer, "key": public.pem}
