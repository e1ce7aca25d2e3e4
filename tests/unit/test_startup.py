"""How a process of ours starts: stand-ins of modules, and what becomes of them."""

import sys
from pathlib import Path
from typing import Any

import pytest

from qsjwt.startup import SELDOM_USED
from tests.programs import run_program, unmeasured


def _run(*words: str, **how: Any) -> str:
    """Run Python, in which nothing else is imported early; return what it prints."""
    return run_program(sys.executable, *words, env=unmeasured(), **how).stdout


def test_a_postponed_module_is_the_real_one_when_it_is_used() -> None:
    code = """
import sys, threading
from qsjwt import startup
startup.SELDOM_USED = {"zipfile": (), "cryptography.x509": (), "no_such_module": ()}
startup.postpone_imports()
startup.postpone_imports()
import zipfile
assert type(zipfile).__name__ == "_Postponed"
seen = []
threads = [threading.Thread(target=lambda: seen.append(sys.modules["zipfile"].ZipFile)) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
from cryptography import x509
from cryptography.x509.oid import NameOID
assert len(seen) == 8 and set(seen) == {zipfile.ZipFile}
assert type(zipfile).__name__ == "module"
assert x509.oid.NameOID is NameOID and x509.load_pem_x509_certificate
try:
    zipfile.nonsense
except AttributeError as error:
    assert "nonsense" in str(error)
else:
    raise AssertionError
"""
    _run("-c", code)


def test_threads_that_load_postponed_modules_do_not_wait_for_each_other(tmp_path: Path) -> None:
    (tmp_path / "first.py").write_text(
        "import sys\nsys.in_first.set()\nsys.in_second.wait(20)\nimport second\nname = 'first'\n", encoding="ascii"
    )
    (tmp_path / "second.py").write_text(
        "import sys\nsys.in_second.set()\nsys.in_first.wait(20)\nimport third\nname = third.name\n", encoding="ascii"
    )
    (tmp_path / "third.py").write_text("name = 'third'\n", encoding="ascii")
    code = """
import importlib, sys, threading
from qsjwt import startup
sys.path.insert(0, "")
sys.in_first, sys.in_second = threading.Event(), threading.Event()
startup.SELDOM_USED = {"first": (), "third": ()}
startup.postpone_imports()
names = []
def look(module):
    names.append(importlib.import_module(module).name)
threads = [threading.Thread(target=look, args=(name,), daemon=True) for name in ("first", "second")]
[thread.start() for thread in threads]
[thread.join(40) for thread in threads]
print(*sorted(names))
"""
    assert _run("-c", code, cwd=tmp_path) == "first third\n"


def test_a_module_of_a_postponed_package_may_be_used_before_the_package() -> None:
    code = """
from qsjwt import startup
startup.postpone_imports()
from cryptography.hazmat.primitives import ciphers
from cryptography.hazmat.primitives.ciphers import modes as early
import cryptography.hazmat.primitives.ciphers.modes
assert "__postponed__" in vars(ciphers) and ciphers.modes is not early
modes = ciphers.modes
ciphers.AEADCipherContext
assert ciphers.modes is modes and early.CBC is modes.CBC
"""
    _run("-c", code)


@pytest.mark.parametrize("name", SELDOM_USED)
def test_a_postponed_module_can_be_used_first_of_all_that_are_postponed(name: str) -> None:
    code = """
import importlib, sys
from qsjwt import startup
startup.postpone_imports()
import cliff.app, jwcrypto.jws
name = sys.argv[1]
module = importlib.import_module(name)
early = {each: getattr(module, each) for each in startup.SELDOM_USED[name]}
assert not hasattr(module, "nonsense")
assert type(module).__name__ == "module" and "__postponed__" not in vars(module)
for each, stand_in in early.items():
    real = getattr(module, each)
    assert type(real).__name__ != "_PostponedObject", each
    assert getattr(stand_in, "_loaded", lambda: stand_in)() is real
"""
    _run("-c", code, name)


def test_the_stand_in_of_an_object_does_what_the_object_does() -> None:
    code = """
import sys
from qsjwt import startup
startup.SELDOM_USED = {"fractions": ("Fraction", "nonsense")}
startup.postpone_imports()
from fractions import Fraction, nonsense
assert type(Fraction).__name__ == "_PostponedObject"
assert "__postponed__" in vars(sys.modules["fractions"])
half = Fraction(1, 2)
assert "__postponed__" not in vars(sys.modules["fractions"])
assert half * 2 == 1 and isinstance(half, Fraction) and not isinstance(2.5, Fraction)
assert not issubclass(int, Fraction)
assert Fraction.from_float(0.5) == half
class Own(Fraction):
    pass
assert Own(1, 4) * 2 == half
from fractions import Fraction
assert type(half) is Fraction
"""
    _run("-c", code)


def test_a_stand_in_that_has_what_is_used_of_a_module_does_the_same_as_the_module() -> None:
    code = """
import sys
from qsjwt import startup
startup.postpone_imports()
import gettext, hashlib, locale
digest = hashlib.sha256(b"a").hexdigest()
locale.setlocale(locale.LC_ALL, "")
said = [gettext.gettext("usage: "), gettext.ngettext("one", "more", 1), gettext.ngettext("one", "more", 2)]
try:
    locale.setlocale(locale.LC_ALL, "nowhere")
except locale.Error as error:
    early = error
stand_ins = [module for module in (gettext, hashlib, locale) if "__postponed__" in vars(module)]
assert len(stand_ins) == 3, stand_ins
assert hashlib.new("sha256", b"a").hexdigest() == digest == hashlib.sha256(b"a").hexdigest()
assert [gettext.NullTranslations().gettext("usage: "), *said[1:]] == said == ["usage: ", "one", "more"]
assert locale.normalize("de_DE") and isinstance(early, locale.Error)
assert not [module for module in stand_ins if "__postponed__" in vars(module)]
"""
    _run("-c", code)


@pytest.mark.parametrize(("options", "marked"), [((), "False"), (("-W", "default"), "True")])
def test_deprecations_are_marked_if_warnings_are_asked_for(options: tuple[str, ...], marked: str) -> None:
    code = """
from qsjwt import startup
startup.postpone_imports()
from jwcrypto.jwk import JWK
print(hasattr(JWK.key_id.fget, "__deprecated__"))
"""
    assert _run(*options, "-c", code).strip() == marked


def test_a_postponed_module_whose_import_is_interrupted_is_postponed_again(tmp_path: Path) -> None:
    interrupt_once = "if not hasattr(sys, 'asked'):\n    sys.asked = True\n    raise KeyboardInterrupt\n"
    (tmp_path / "late.py").write_text(f"import sys\nfirst = 1\n{interrupt_once}last = 2\n", encoding="ascii")
    code = """
import sys
from qsjwt import startup
sys.path.insert(0, "")
startup.SELDOM_USED = {"late": ()}
startup.postpone_imports()
import late
for name in ("first", "last"):
    try:
        getattr(late, name)
    except KeyboardInterrupt:
        assert "first" not in vars(late) and type(late).__name__ == "_Postponed"
        print("interrupted")
print(late.first, late.last, sys.modules["late"] is late, type(late).__name__)
"""
    assert _run("-c", code, cwd=tmp_path) == "interrupted\n1 2 True module\n"


def test_a_table_of_classes_and_a_type_hint_may_have_a_stand_in_among_them() -> None:
    code = """
from qsjwt import startup
startup.SELDOM_USED = {"fractions": ("Fraction",)}
startup.postpone_imports()
from fractions import Fraction
assert type(Fraction).__name__ == "_PostponedObject"
early = Fraction
table = {early: "a fraction", int: "an integer"}
hints = early | int, None | early, early | early
assert isinstance(early(1, 2), hints[0]) and not isinstance("", hints[1])
from fractions import Fraction
assert type(Fraction) is not type(early)
assert table[Fraction] == "a fraction" and early == Fraction and early != int
assert hints == (Fraction | int, None | Fraction, Fraction)
"""
    _run("-c", code)
