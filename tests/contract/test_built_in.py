"""The key providers that need no service keep the contract, and so do their signers."""

import io
import sys
from types import SimpleNamespace
from typing import ClassVar

import pytest

from qsjwt.testing import KeyProviderContract


class TestFile(KeyProviderContract):
    scheme = "file"
    algorithms: ClassVar[tuple[str, ...]] = ("RS256", "RS384", "RS512", "PS256")

    @pytest.fixture(autouse=True)
    def _keys(self, keys: SimpleNamespace) -> None:
        self.path = keys.files["rsa"]
        type(self).secrets = (self.path.read_text(encoding="ascii").splitlines()[1],)

    def reference(self) -> str:
        return str(self.path)

    def missing_reference(self) -> str:
        return "nowhere.pem"


class TestFileOnACurve(TestFile):
    algorithms = ("ES384",)

    @pytest.fixture(autouse=True)
    def _keys(self, keys: SimpleNamespace) -> None:
        self.path = keys.files["p384"]


class TestInline(TestFile):
    scheme = "inline"

    def reference(self) -> str:
        text: str = self.path.read_text(encoding="ascii")
        return text

    def missing_reference(self) -> str:
        return self.reference()[:200]


class TestEnv(TestFile):
    scheme = "env"

    @pytest.fixture(autouse=True)
    def _variable(self, monkeypatch: pytest.MonkeyPatch, _keys: None) -> None:
        monkeypatch.setenv("CONTRACT_KEY", self.path.read_text(encoding="ascii"))

    def reference(self) -> str:
        return "CONTRACT_KEY"

    def missing_reference(self) -> str:
        return "NO_SUCH_VARIABLE"


class TestStdin(TestFile):
    scheme = "stdin"

    @pytest.fixture(autouse=True)
    def _stream(self, monkeypatch: pytest.MonkeyPatch, _keys: None) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(self.path.read_bytes())))

    def reference(self) -> str:
        return ""

    def missing_reference(self) -> str:
        return "something"


class TestCreate(KeyProviderContract):
    scheme = "create"

    def reference(self) -> str:
        return "new_?kind=rsa&size=2048&overwrite=true"

    def missing_reference(self) -> str:
        return "no/where/new_"
