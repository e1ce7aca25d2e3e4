"""``--expires``: a duration or a point in time, for one token and for each row of a batch."""

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from tests.conftest import InstallPlugin, Run

NEW_YEAR_2100 = 4_102_444_800
"""2100-01-01T00:00:00Z."""


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = pyjwt.decode(token, options={"verify_signature": False})
    return claims


@pytest.mark.parametrize(
    ("text", "exp"),
    [
        ("2100-01-01", NEW_YEAR_2100),
        ("2099-12-31T23:59:59Z", NEW_YEAR_2100 - 1),
        ("2100-01-01T01:00+01:00", NEW_YEAR_2100),
        ("2100-01-01T08:00", NEW_YEAR_2100 + 8 * 3600),
    ],
)
def test_a_token_may_expire_at_a_point_in_time(run: Run, keys: SimpleNamespace, text: str, exp: int) -> None:
    base = ("create-qseow", "--userdir", "LAB", "--userid", "anna", "--key", keys.files["rsa"])
    claims = _claims(run(*base, "--expires", text).token)
    assert claims["exp"] == exp
    assert claims["iat"] == claims["nbf"] <= time.time() - 30


def test_a_duration_may_have_several_units_in_any_case(qseow: Run, keys: SimpleNamespace) -> None:
    claims = _claims(qseow("--key", keys.files["rsa"], "--expires", "1H30m", "--clock-skew", "1m30S").token)
    assert claims["exp"] - claims["nbf"] == 5400 + 90


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2020-12-31T23:59:59Z", "--expires: 2020-12-31T23:59:59Z is in the past"),
        ("1969-12-31", "--expires: 1969-12-31T00:00:00Z is in the past"),
        ("2026-02-30", "invalid value for --expires: '2026-02-30' (must be a date"),
        ("2100-01-01T08:00 CET", "a zone is Z or an offset"),
        ("9999-12-31T23:59:59-01:00", "after the year 9999"),
        ("4102444800", "must have a unit"),
        ("1.1.2100", "must be a duration or a point in time"),
    ],
)
def test_a_time_that_no_token_can_have_is_refused(qseow: Run, keys: SimpleNamespace, text: str, words: str) -> None:
    qseow("--key", keys.files["rsa"], "--expires", text).refused(2, words)


def test_a_limit_of_the_platform_holds_for_a_point_in_time(run: Run, keys: SimpleNamespace) -> None:
    base = ("create-qscloud", "--issuer", "i", "--keyid", "k", "--subject", "s", "--key", keys.files["rsa"])
    run(*base, "--expires", "2100-01-01").refused(2, "60 min")
    soon = int(time.time()) + 1800
    claims = _claims(run(*base, "--expires", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(soon))).token)
    assert claims["exp"] == soon


def test_a_row_of_a_batch_has_its_own_point_in_time(run: Run, keys: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text(
        "userid,expires\nanna,2100-01-01\nbo,1h30m\ncy,2020-01-01\nda,2100-02-30\neve,\n", encoding="utf-8"
    )
    base = ("create-qseow", "--userdir", "LAB", "--key", keys.files["rsa"], "--batch", "users.csv")
    result = run(*base, "--expires", "2100-01-02")
    assert result.exit_code == 2
    anna, bo, eve = map(json.loads, result.stdout.splitlines())
    assert (anna["expires_at"], eve["expires_at"]) == ("2100-01-01T00:00:00Z", "2100-01-02T00:00:00Z")
    claims = _claims(bo["token"])
    assert claims["exp"] - claims["iat"] == 5400 + 30
    assert "2020-01-01T00:00:00Z is in the past" in result.stderr
    assert "'2100-02-30' (must be a date" in result.stderr


def test_a_platform_sees_seconds_whatever_was_given(
    run: Run, keys: SimpleNamespace, installed_plugin: InstallPlugin
) -> None:
    source = """
    from qsjwt.api import Platform, Token
    class Acme(Platform):
        summary = "Acme"
        def add_options(self, group): pass
        def build(self, request, now):
            return Token({}, {"seconds": request.expires, "at": request.expires_at, "now": now})
    """
    installed_plugin("acme-pkg", {"qsjwt.platform.v1": "acme = acme_pkg:Acme"}, source)
    claims = _claims(run("create-acme", "--key", keys.files["rsa"], "--expires", "2100-01-01").token)
    assert (claims["seconds"] + claims["now"], claims["at"]) == (NEW_YEAR_2100, None)
