"""Tokens by Python call: one, or one for each row, as the command line makes them."""

import itertools
from collections.abc import Generator, Iterable, Mapping
from typing import Any

from qsjwt.batch.columns import owned
from qsjwt.batch.engine import RowResult, create_all, default_jobs
from qsjwt.batch.options import checked_jobs
from qsjwt.batch.prepared import PreparedRequest, prepare
from qsjwt.batch.rows import Row
from qsjwt.errors import InputError
from qsjwt.keys.reference import Secrets, opened
from qsjwt.tokens.create import CreatedToken


def create_token(
    platform: str | PreparedRequest,
    *,
    key: str,
    algorithm: str | None = None,
    secrets: Secrets = Secrets(),  # noqa: B008 - frozen
    claims: Mapping[str, Any] | None = None,
    check: bool = True,
    **options: Any,
) -> CreatedToken:
    """Return a token for *platform*, as ``create-PLATFORM`` makes it.

    ``create_token("qseow", key="file:key.pem", userdir="LAB", userid="anna", expires="5m")``

    :param platform: its name, such as ``qscloud``; or what :func:`qsjwt.api.prepare` returned, which has an
        algorithm, claims and check of its own.
    :param key: the key's reference, as ``--key`` takes it.
    :param algorithm: a JWA name (RFC 7518, section 3.1); None for the platform's first that the key can do.
    :param secrets: where a passphrase or PIN is; by default the variable QSJWT_KEY_PASSPHRASE.
    :param claims: further claims, name to what JSON can hold.
    :param check: False signs even if a rule of the platform is broken.
    :param options: those of the command, with underscores for dashes; a value is a text as on the command line, a
        number, True, False, or a list; None is as good as nothing.
    :raises InputError: if an option is unknown, missing or wrong, or the token breaks a rule.
    :raises KeyUnavailable: if the key cannot be opened.
    :raises SigningFailed: if a service refuses, or the signature does not verify.
    :raises PluginError: if platform or key provider are missing or broken.
    """
    prepared = _prepared(platform, algorithm, claims, check, options)
    token = prepared.draft(None)
    with opened(key, secrets, prepared.creator.algorithms(prepared.algorithm)) as signer:
        return prepared.creator.signing(signer, key, prepared.algorithm)(token)


def create_tokens(
    platform: str | PreparedRequest,
    rows: Iterable[Mapping[str, Any]],
    *,
    key: str,
    algorithm: str | None = None,
    secrets: Secrets = Secrets(),  # noqa: B008 - frozen
    claims: Mapping[str, Any] | None = None,
    check: bool = True,
    jobs: int | None = None,
    **options: Any,
) -> Generator[RowResult, None, None]:
    """Return a generator of a result for each of *rows*, in their order.

    The key is opened once, when the first result is asked for, and closed with the generator.

    ``create_tokens("qseow", [{"userid": "anna"}, {"userid": "bo"}], key="file:key.pem", userdir="LAB", expires="5m")``

    :param rows: column to value: options without dashes in front, ``claim.NAME``, as in a file for ``--batch``. They
        may be a generator, and more than fit into memory.
    :param jobs: how many sign at once, None for the number of cores: threads at first, and processes as well if the key
        is in this one and it takes longer. For a service it is the number of calls in flight.
    :param options: what rows have in common, and may override.

    Other parameters and errors are those of :func:`create_token`; what is wrong with one row is in its result.
    """
    prepared = _prepared(platform, algorithm, claims, check, options)
    number = default_jobs() if jobs is None else checked_jobs(jobs)

    def results() -> Generator[RowResult, None, None]:
        with opened(key, secrets, prepared.creator.algorithms(prepared.algorithm)) as signer:
            yield from create_all(prepared, map(_row, itertools.count(1), rows), signer, key, number)

    return results()


def _row(number: int, values: Any) -> Row:
    if not isinstance(values, Mapping):
        return Row(number, 0, {}, f"it must be a mapping of columns to values, not a {type(values).__name__}")
    try:
        # Some callers fill one mapping again and again, and its lists.
        return Row(number, 0, {_column(name): owned(value) for name, value in values.items()})
    except InputError as error:
        return Row(number, 0, {}, error.message)
    except Exception as cause:  # the mapping's own
        return Row(number, 0, {}, f"it cannot be read: {type(cause).__name__}")


def _column(name: Any) -> str:
    if not isinstance(name, str):
        raise InputError("the name of a column must be a string")
    return str.__str__(name)


def _prepared(
    platform: str | PreparedRequest,
    algorithm: str | None,
    claims: Mapping[str, Any] | None,
    check: bool,
    options: Mapping[str, Any],
) -> PreparedRequest:
    if not isinstance(platform, PreparedRequest):
        return prepare(platform, algorithm=algorithm, claims=claims, check=check, **options)
    if algorithm is not None or claims is not None or not check:
        raise InputError("algorithm, claims and check are those of the prepared request", hint="give them to prepare")
    return platform.over(platform.named(options)) if options else platform
