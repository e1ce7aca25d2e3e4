"""What Windows encrypts for a user or a machine. In Windows alone."""

import pytest

from qsjwt.keys.data_protection import protect, unprotect
from qsjwt.keys.wincrypt import Refusal, api
from tests.conftest import on_windows

pytestmark = on_windows

DATA = b"\0binary\xff" * 300


@pytest.mark.parametrize("machine", [False, True])
def test_what_was_protected_comes_back(machine: bool) -> None:
    protected = protect(DATA, machine=machine)
    assert DATA[:16] not in protected
    assert unprotect(protected, machine=machine) == DATA
    assert unprotect(protected) == DATA
    assert protect(DATA, machine=machine) != protected


def test_what_was_changed_or_never_protected_is_refused() -> None:
    protected = protect(DATA)
    changed = [protected[:place] + bytes([protected[place] ^ 1]) + protected[place + 1 :] for place in (200, -60, -1)]
    for data in (*changed, protected[:-1], protected[:40], b"", b"MII", DATA):
        with pytest.raises(Refusal):
            unprotect(data)


def test_what_windows_gives_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    free = api().LocalFree
    freed: list[int] = []

    def freeing(memory: int) -> None:
        freed.append(memory)
        free(memory)

    monkeypatch.setattr(api(), "LocalFree", freeing)
    unprotect(protect(DATA))
    assert len(freed) == 2
    with pytest.raises(Refusal):
        unprotect(b"nothing")
    assert len(freed) == 2
