"""Key references: from ``--key SCHEME:REFERENCE`` to a signer, and the way a passphrase gets there."""

import abc
import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final, NamedTuple
from urllib.parse import unquote

from qsjwt.errors import InputError, KeyUnavailable, PluginError, nearest
from qsjwt.io.read import decode_text, read_file, read_variable, whole_number
from qsjwt.keys.load import load_private_material
from qsjwt.keys.signer import ALGORITHMS, LocalSigner, Signer
from qsjwt.plugins import Group
from qsjwt.redaction import quoted

PASSPHRASE_VARIABLE: Final = "QSJWT_KEY_PASSPHRASE"  # noqa: S105 - the name of a variable
SERVICE_TIMEOUT: Final = 10
"""Seconds that a key provider waits for a service, unless the reference's setting ``timeout`` says otherwise."""

_TIMEOUTS: Final = range(1, 301)
"""Seconds that the setting may say."""

# Two letters at least: one is a drive, as in C:\keys\k.pem.
_SCHEME: Final = r"([A-Za-z][A-Za-z0-9+-]+):"


class Secrets(NamedTuple):
    """Where a passphrase or PIN comes from: a variable or a file, never a prompt.

    :ivar variable: the environment variable's name; None for QSJWT_KEY_PASSPHRASE, if that is set.
    :ivar file: the file's name; its first line counts.
    """

    variable: str | None = None
    file: str | None = None

    def passphrase(self) -> bytes | None:
        """Return the passphrase, or None if none was given.

        :raises KeyUnavailable: if one was promised and is not there.
        """
        if self.file is not None:
            return self._from_file(self.file)
        if self.variable is not None:
            return _line(read_variable(self.variable, "passphrase", error=KeyUnavailable, show=False))
        import os

        default = os.environ.get(PASSPHRASE_VARIABLE)
        return _line(os.fsencode(default)) if default else None

    @staticmethod
    def _from_file(path: str) -> bytes:
        # Whoever confuses the two options' meaning gives the passphrase itself, so neither is ever repeated.
        data = read_file(path, "passphrase file", error=KeyUnavailable, show=False)
        try:
            text = decode_text(data)
        except UnicodeDecodeError as cause:
            raise KeyUnavailable("the passphrase file is neither UTF-8 nor UTF-16 text") from cause
        if not (line := _line(re.split("[\r\n]", text, maxsplit=1)[0].encode("utf-8"))):
            raise KeyUnavailable("the first line of the passphrase file is empty")
        return line


def _line(passphrase: bytes) -> bytes:
    """Return *passphrase* without the line end that editors, ``echo`` and secrets stores leave at its end."""
    return passphrase.rstrip(b"\r\n")


class KeyProvider(abc.ABC):
    """A place where private keys are; the entry point ``SCHEME`` makes ``--key SCHEME:REFERENCE``.

    :cvar summary: the reference's form and what it names, on one line for ``--help``.
    :cvar needs_windows: whether such keys are on Windows alone; elsewhere, it is not asked for one.
    """

    summary: ClassVar[str]
    needs_windows: ClassVar[bool] = False

    @abc.abstractmethod
    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Return a signer for the key that *reference* names; the public key is known when this returns.

        :param reference: the text after ``SCHEME:``, as the user gave it.
        :param secrets: where the key's passphrase or PIN is.
        :raises InputError: if *reference* is malformed.
        :raises KeyUnavailable: if the key is missing, unreadable or locked.
        :raises SigningFailed: if a service refuses or does not answer.
        """


KEY_PROVIDERS: Final = Group("qsjwt.key_provider.v1", "key provider", KeyProvider)  # type: ignore[type-abstract]


class KeyMaker(KeyProvider):
    """A key provider whose references are to keys that are made when they are opened."""

    @abc.abstractmethod
    def make(self, reference: str, secrets: Secrets, algorithms: Sequence[str]) -> Signer:
        """Make the key that *reference* describes, and return its signer.

        :param algorithms: the JWA names one of which the key has to do, preferred first; empty if any will do.
        :raises KeyUnavailable: if a key as *reference* describes it can do none of them; none is made then.

        The rest is as in :meth:`KeyProvider.open`.
        """

    def files(self, reference: str) -> Sequence[str]:
        """Return the paths of the files that :meth:`make` would write.

        :raises InputError: if *reference* is malformed.
        """
        return ()

    def open(self, reference: str, secrets: Secrets) -> Signer:
        """Make a key of the usual kind."""
        return self.make(reference, secrets, ())


class ReferenceForm(NamedTuple):
    """How a key of one provider is referred to.

    :ivar form: a pattern of the reference, such as ``file:PATH``.
    :ivar text: what such a reference names.
    :ivar problem: why the provider cannot be loaded; its form and text are not known then.
    """

    scheme: str
    form: str
    text: str
    problem: PluginError | None = None


def reference_forms() -> Iterator[ReferenceForm]:
    """Yield the form of a reference for each key provider that is installed; every one of them is imported."""
    for scheme in KEY_PROVIDERS.names():
        try:
            summary = " ".join(KEY_PROVIDERS.create(scheme).summary.split())
        except PluginError as error:
            yield ReferenceForm(scheme, f"{scheme}:", "", error)
            continue
        form, _, text = summary.partition(" ")
        if not form.startswith(f"{scheme}:"):
            form, text = f"{scheme}:", summary
        yield ReferenceForm(scheme, form, text)


def open_signer(reference: str, secrets: Secrets, wanted: Sequence[str] = ()) -> Signer:
    """Return a signer for ``SCHEME:REFERENCE``; one provider is imported, the one that is named.

    :param wanted: the JWA names one of which a key that is only made now has to do, preferred first.
    :raises PluginError: if there is no such provider, or it fails.
    :raises InputError, KeyUnavailable, SigningFailed: as :meth:`KeyProvider.open`.
    """
    scheme, rest = split_reference(reference)
    provider = usable_provider(scheme)
    with KEY_PROVIDERS.guard(scheme, "open the key"):
        if isinstance(provider, KeyMaker):
            signer = provider.make(rest, secrets, wanted)
        else:
            signer = provider.open(rest, secrets)
        try:
            _require_sound(signer)
        except BaseException:
            signer.close()
            raise
    return signer


def new_files(reference: str) -> Sequence[str]:
    """Return the paths of the files that would be written if *reference* were opened: those of a new key.

    :raises InputError, PluginError: as :func:`open_signer`.
    """
    scheme, rest = split_reference(reference)
    provider = usable_provider(scheme)
    with KEY_PROVIDERS.guard(scheme, "name the new key's files"):
        return provider.files(rest) if isinstance(provider, KeyMaker) else ()


def usable_provider(scheme: str) -> KeyProvider:
    """Return the key provider *scheme*, which can be used on this system.

    :raises PluginError: if there is none, or it fails.
    :raises KeyUnavailable: if it needs Windows, and this is another system.
    """
    schemes = KEY_PROVIDERS.names()
    if scheme not in schemes:
        raise PluginError(
            f"there is no key provider {quoted(scheme)}",
            hint=nearest(scheme, schemes) or "a file with a colon in its name is written --key file:NAME",
        )
    provider = KEY_PROVIDERS.create(scheme)
    if provider.needs_windows:
        _require_windows(scheme)
    return provider


def _require_windows(scheme: str) -> None:
    from qsjwt.io.windows import is_windows  # most keys need no system

    if not is_windows():
        raise KeyUnavailable(
            f"the key provider {quoted(scheme)} needs Windows",
            hint="file:, pkcs12:, keyring: and pkcs11: work on every system",
        )


def _require_sound(signer: Signer) -> None:
    if signer.public_key.has_private:
        raise TypeError("the public key of a signer has no private part")
    if unknown := set(signer.algorithms) - set(ALGORITHMS):
        raise ValueError(f"{len(unknown)} of its algorithms are not signed with here")


@contextlib.contextmanager
def opened(reference: str, secrets: Secrets, wanted: Sequence[str] = ()) -> Iterator[Signer]:
    """Open a signer as :func:`open_signer` does, and close it."""
    signer = open_signer(reference, secrets, wanted)
    try:
        yield signer
    finally:
        with key_guard(reference, "close the key"):
            signer.close()


def key_guard(reference: str, action: str) -> contextlib.AbstractContextManager[None]:
    """Return the guard of the code of the key provider that *reference* names.

    :param action: what it is to do, for the message, such as "sign".
    """
    return KEY_PROVIDERS.guard(split_reference(reference)[0], action)


def local_signer(data: bytes, source: str, secrets: Secrets, alias: str | None = None) -> LocalSigner:
    """Return a signer for the private key in *data*, with the certificates that stand beside it.

    :param source: where *data* comes from, for messages, such as "the private key file 'k.pem'".
    :param alias: chooses one of a PKCS#12.
    :raises KeyUnavailable: as :func:`qsjwt.keys.load.load_private_key`.
    """
    return LocalSigner(*load_private_material(data, source, secrets.passphrase, alias))


def service_timeout(settings: Mapping[str, str]) -> int:
    """Return the seconds to wait for a service: the setting ``timeout`` of a reference, or the usual ones.

    :raises InputError: if it is no whole number from 1 to 300.
    """
    return whole_number(settings.get("timeout", str(SERVICE_TIMEOUT)), "timeout in seconds", _TIMEOUTS)


def split_reference(reference: str) -> tuple[str, str]:
    r"""Return the scheme and the rest: split at the first colon, ``file`` if there is no scheme.

    One letter before the colon is a drive, as in ``C:\keys\k.pem``.
    """
    match = re.match(_SCHEME, reference, re.ASCII)
    return (match[1], reference[match.end() :]) if match else ("file", reference)


def existing(reference: str) -> str:
    """Return *reference* if it is one of a key that there is.

    :raises InputError: if it makes a new one.
    """
    if split_reference(reference)[0] == "create":
        raise InputError("create: makes a new key, but an existing key is needed", hint="see create-key")
    return reference


def split_settings(reference: str, known: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    """Return the reference without its ``?name=value&name=value`` end, and those settings, percent-decoded.

    :param known: the names that may occur.
    :raises InputError: if another occurs, or one twice, or without a value.
    """
    head, mark, tail = reference.rpartition("?")
    if not mark:
        return reference, {}
    settings: dict[str, str] = {}
    for pair in filter(None, tail.split("&")):
        name, equals, value = pair.partition("=")
        if name not in known or not equals or name in settings:
            raise InputError(
                f"the key reference has a setting that it cannot have: {quoted(name)}",
                hint=f"settings are written ?name=value&name=value, once each, out of: {', '.join(known)}",
            )
        settings[name] = unquote(value, errors="surrogateescape")
    return head, settings
