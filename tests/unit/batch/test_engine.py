"""Tokens by Python call: the same as on the command line, for notebooks, schedulers and clusters."""

import contextlib
import itertools
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import jwt as pyjwt
import pytest

from qsjwt.api import (
    CreatedToken,
    InputError,
    KeyUnavailable,
    PluginError,
    Row,
    RowResult,
    Secrets,
    create_token,
    create_tokens,
)
from qsjwt.batch import engine
from qsjwt.keys.signer import LocalSigner
from tests.conftest import InstallPlugin, pem


@pytest.fixture
def common(keys: SimpleNamespace) -> dict[str, Any]:
    """What the tokens of these tests have in common."""
    return {"key": f"file:{keys.files['rsa']}", "userdir": "LAB", "expires": "5m"}


def _claims(token: CreatedToken, keys: SimpleNamespace) -> dict[str, Any]:
    claims: dict[str, Any] = pyjwt.decode(token.compact, keys.rsa.public_key(), ["RS256", "RS512"])
    return claims


def test_one_token_is_made_by_one_call(keys: SimpleNamespace, common: Mapping[str, Any]) -> None:
    token = create_token(
        "qseow", **common, userid="anna", groups=["a", "b"], username=None, userid_claim="user", claims={"n": [1]}
    )
    claims = _claims(token, keys)
    assert (claims["user"], claims["group"], claims["n"], "name" in claims) == ("anna", ["a", "b"], [1], False)
    assert token.claims == claims
    assert token.header == {"alg": "RS256", "typ": "JWT"}
    assert token.expires_at == time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(claims["exp"]))


def test_the_token_is_in_no_repr(common: Mapping[str, Any]) -> None:
    token = create_token("qseow", **common, userid="anna")
    assert token.compact not in repr(token)
    assert token.compact.split(".")[2] not in repr(RowResult(Row(1, 0, {}), token))


def test_what_the_command_line_has_is_had_here_too(keys: SimpleNamespace) -> None:
    token = create_token(
        "qscloud",
        key=str(keys.files["rsa"]),
        issuer="i",
        keyid="thumbprint",
        subject="anna",
        username="A",
        useremail="a@x",
        useremail_verified=True,
        expires="5m",
    )
    assert token.header["kid"] == token.key_thumbprint
    assert token.claims["email_verified"] is True
    assert token.claims["exp"] - token.claims["nbf"] == 330
    quiet = create_token(
        "qscloud", key=str(keys.files["rsa"]), issuer="i", keyid="k", subject="anna", expires="5m", check=False
    )
    assert any("name" in remark for remark in quiet.remarks)


def test_passphrase_and_algorithm_are_parameters(
    keys: SimpleNamespace, common: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "locked.pem").write_bytes(pem(keys.rsa, passphrase=b"sesame"))
    monkeypatch.setenv("WORD", "sesame")
    locked = {**common, "key": "locked.pem", "userid": "anna"}
    token = create_token("qseow", **locked, secrets=Secrets(variable="WORD"), algorithm="RS512")
    assert _claims(token, keys)["userId"] == "anna"
    with pytest.raises(KeyUnavailable, match="no passphrase was given"):
        create_token("qseow", **locked)


@pytest.mark.parametrize(
    ("platform", "options", "error", "words"),
    [
        ("qseow", {}, InputError, "--userid is missing"),
        ("qseow", {"userid": "a", "usrname": "b"}, InputError, "unknown column 'usrname'"),
        ("qseow", {"userid": "\\"}, InputError, "backslash"),
        ("qseow", {"userid": "a", "algorithm": "ES256"}, InputError, "is not an algorithm that"),
        ("qseow", {"userid": ["a"]}, InputError, "takes one value"),
        ("qseow", {"userid": "a", "claims": {"x": object()}}, InputError, "cannot be written as JSON"),
        ("qseow", {"userid": "a", "claims": {"exp": 1}}, InputError, "cannot be replaced"),
        ("qseow", {"userid": "a", "key": "none.pem"}, KeyUnavailable, "does not exist"),
        ("qseow", {"userid": "a", "claims": {1: 2}}, InputError, "the name of a claim must be a string"),
        ("qlik", {}, PluginError, "there is no platform 'qlik'"),
    ],
)
def test_what_goes_wrong_is_raised(
    common: dict[str, Any], platform: str, options: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        create_token(platform, **{**common, **options})


def test_rows_become_results_in_their_order(keys: SimpleNamespace, common: Mapping[str, Any]) -> None:
    rows = [{"userid": f"u{n}", "claim.n": n} for n in range(60)]
    rows[7] = {"userid": ""}
    results = list(create_tokens("qseow", rows, **common, jobs=4))
    assert [result.row.number for result in results] == list(range(1, 61))
    assert [result.row.number for result in results if result.error] == [8]
    assert isinstance(results[7].error, InputError)
    assert results[7].token is None
    for n, result in enumerate(results):
        if result.token:
            assert (_claims(result.token, keys)["userId"], result.token.claims["n"]) == (f"u{n}", n)


def test_a_row_may_come_from_a_table(keys: SimpleNamespace, common: Mapping[str, Any]) -> None:
    row = {"userid": 5, "username": float("nan"), "groups": ("a",), "useremail": None}
    (result,) = create_tokens("qseow", [row], **common, username="N")
    assert result.token is not None
    assert (result.token.claims["userId"], result.token.claims["group"]) == ("5", ["a"])
    assert result.token.claims["name"] == "N"


def test_a_mapping_that_is_filled_again_and_again_keeps_its_rows_apart(
    keys: SimpleNamespace, common: Mapping[str, Any]
) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        row: dict[str, Any] = {"claim.list": []}
        for n in range(20):
            row["userid"] = f"u{n}"
            row["claim.list"].append(n)
            yield row

    for n, result in enumerate(create_tokens("qseow", rows(), **common)):
        assert result.token
        claims = _claims(result.token, keys)
        assert claims["userId"] == result.row.values["userid"] == f"u{n}"
        assert claims["list"] == list(range(n + 1))


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (None, "it must be a mapping of columns to values, not a NoneType"),
        ([["userid", "a"]], "it must be a mapping"),
        ({1: "a"}, "the name of a column must be a string"),
        ({"userid": {}}, "not an object"),
        ({"userid": object()}, "a value of the type object"),
    ],
)
def test_what_is_no_row_is_said(common: Mapping[str, Any], row: Any, words: str) -> None:
    result, good = create_tokens("qseow", [row, {"userid": "a"}], **common)
    assert isinstance(result.error, InputError)
    assert words in result.error.message
    assert good.token


def test_rows_without_an_end_are_taken_a_few_at_a_time(common: Mapping[str, Any]) -> None:
    taken = []

    def rows() -> Iterator[dict[str, str]]:
        for n in itertools.count():
            taken.append(n)
            yield {"userid": f"u{n}"}

    results = create_tokens("qseow", rows(), **common, jobs=2)
    for _, result in zip(range(20), results, strict=False):
        assert result.token
    results.close()
    assert len(taken) <= 20 + (2 * engine.TASKS_AHEAD + 2) * engine.MAX_ROWS_PER_TASK


def _settled(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


def test_no_thread_is_left_when_a_batch_is_left(common: Mapping[str, Any]) -> None:
    before = threading.active_count()
    results = create_tokens("qseow", ({"userid": "a"} for _ in itertools.count()), **common, jobs=8)
    assert next(results).token
    assert threading.active_count() > before
    results.close()
    assert _settled(lambda: threading.active_count() <= before)


def test_an_error_of_the_rows_themselves_is_the_callers(common: Mapping[str, Any]) -> None:
    def rows() -> Iterator[dict[str, str]]:
        yield {"userid": "a"}
        raise LookupError("the database is gone")

    before = threading.active_count()
    results = create_tokens("qseow", rows(), **common)
    with pytest.raises(LookupError, match="the database is gone"):
        list(results)
    assert _settled(lambda: threading.active_count() <= before)


def test_what_a_caller_prints_between_two_results_stays_where_it_prints(
    common: Mapping[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    streams = set()
    for result in create_tokens("qseow", [{"userid": "a"}] * 40, **common, jobs=4):
        streams.add(sys.stdout)
        print(result.row.number)
    assert capsys.readouterr().out.split() == [str(n) for n in range(1, 41)]
    assert len(streams) == 1


def test_two_batches_at_once_do_not_meet(keys: SimpleNamespace, common: Mapping[str, Any]) -> None:
    one = create_tokens("qseow", [{"userid": f"a{n}"} for n in range(20)], **common)
    other = create_tokens("qseow", [{"userid": f"b{n}"} for n in range(20)], **common)
    for n, (a, b) in enumerate(zip(one, other, strict=True)):
        assert a.token and b.token
        assert (a.token.claims["userId"], b.token.claims["userId"]) == (f"a{n}", f"b{n}")


@pytest.mark.parametrize("jobs", [0, -1])
def test_the_number_of_threads_is_positive(common: Mapping[str, Any], jobs: int) -> None:
    with pytest.raises(InputError, match="must be between 1 and 256"):
        create_tokens("qseow", [{"userid": "a"}], **common, jobs=jobs)


def test_signatures_are_made_side_by_side(
    keys: SimpleNamespace, common: dict[str, Any], installed_plugin: InstallPlugin
) -> None:
    installed_plugin(
        "gate",
        {"qsjwt.key_provider.v1": "gate = gate:Gate"},
        f"""
        import threading
        from qsjwt.api import KeyProvider, open_signer

        class Gate(KeyProvider):
            summary = "gate: opens when four are waiting"

            def open(self, reference, secrets):
                signer = open_signer({str(keys.files["rsa"])!r}, secrets)
                barrier, sign = threading.Barrier(4), signer.sign

                def wait(data, algorithm):
                    barrier.wait(30)
                    return sign(data, algorithm)

                signer.sign = wait
                return signer
        """,
    )
    results = create_tokens("qseow", [{"userid": "a"}] * 8, **{**common, "key": "gate:"}, jobs=4)
    assert all(result.token for result in results)


def test_one_job_takes_another_thread_only_for_a_key_that_is_elsewhere(
    common: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[threading.Thread] = []

    class Seen(LocalSigner):
        """Says where it signs; as a class of somebody's own, it may be anywhere, and cannot be copied."""

        def sign(self, data: bytes, algorithm: str) -> bytes:
            seen.append(threading.current_thread())
            return super().sign(data, algorithm)

    with monkeypatch.context() as changed:
        changed.setattr("qsjwt.keys.reference.LocalSigner", Seen)
        assert all(result.token for result in create_tokens("qseow", [{"userid": "a"}] * 3, **common, jobs=1))
    assert len(seen) == 3
    assert threading.current_thread() not in seen
    before = threading.active_count()
    for result in create_tokens("qseow", [{"userid": "a"}] * 3, **common, jobs=1):
        assert result.token
        assert threading.active_count() <= before


def test_as_many_threads_sign_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(3)), raising=False)
    assert engine.default_jobs() == 3
    with contextlib.suppress(AttributeError):
        monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert engine.default_jobs() == 1


class _Odd(list[Any]):
    """A list that cannot be read."""

    def __iter__(self) -> Iterator[Any]:
        raise RuntimeError

    def __deepcopy__(self, memo: object) -> Any:
        raise RuntimeError


class _OddText(str):
    def strip(self, *_unused: object) -> str:
        raise RuntimeError


class _OddRow(Mapping[str, Any]):
    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError

    def __len__(self) -> int:
        return 1


_WITHIN_ITSELF: list[Any] = []
_WITHIN_ITSELF.append(_WITHIN_ITSELF)


@pytest.mark.parametrize("column", ["userid", "groups", "claim.x", "claim-json.x"])
@pytest.mark.parametrize(
    "value",
    [
        *((letter for letter in "ab"), [iter("ab")], object(), [object()], threading.Lock()),
        *([threading.Lock()], _Odd(["a"]), [_Odd(["a"])], _WITHIN_ITSELF, {"a": _WITHIN_ITSELF}, {1: {2, 3}}, {1, 2}),
        *(10**5000, [10**5000], b"bytes", sys, len, Mapping, memoryview(b"x"), {}.keys(), ..., "\ud800"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_unusual_value_ends_its_own_row_and_no_other(common: Mapping[str, Any], column: str, value: Any) -> None:
    rows = [{"userid": "anna"}, {"userid": "bo", column: value}, {"userid": "carl"}]
    first, odd, last = create_tokens("qseow", rows, **common, jobs=1)
    assert (first.token is not None, last.token is not None) == (True, True)
    assert isinstance(odd.error, InputError)


@pytest.mark.parametrize("row", [_OddRow(), {object(): "x"}, None, "userid", ["userid"], object(), {"userid": _Odd()}])
def test_an_unusual_row_ends_alone(common: Mapping[str, Any], row: Any) -> None:
    first, odd, last = create_tokens("qseow", [{"userid": "anna"}, row, {"userid": "bo"}], **common, jobs=1)
    assert (first.token is not None, last.token is not None) == (True, True)
    assert isinstance(odd.error, InputError)


def test_a_text_of_another_class_is_its_text(common: Mapping[str, Any]) -> None:
    (result,) = create_tokens("qseow", [{"userid": _OddText("anna"), "claim.x": [_OddText("x")]}], **common)
    assert result.token is not None
    assert (result.token.claims["userId"], result.token.claims["x"]) == ("anna", ["x"])
