"""What a run imports: the library of the one provider that is named, and no other."""

import sys
from types import SimpleNamespace

from qsjwt.io.windows import is_windows
from tests.conftest import Run
from tests.programs import run_program

SDKS = ("boto3", "botocore", "azure", "google", "grpc", "hvac", "keyring", "pkcs11", "requests")
_SCRIPT = """
import sys
from qsjwt.cli.app import main
code = main(sys.argv[1:])
loaded = {name.partition(".")[0] for name in sys.modules}
print(code, *sorted(loaded & set(%r)))
"""


def test_a_key_in_a_file_imports_no_library_of_a_service(keys: SimpleNamespace) -> None:
    arguments = ("create-qseow", "--userdir", "D", "--userid", "u", "--expires", "5m", "--key", keys.files["rsa"])
    result = run_program(sys.executable, "-c", _SCRIPT % (SDKS,), *arguments)
    assert result.stdout.splitlines()[-1] == "0"


def test_every_library_is_there_so_that_every_provider_loads(run: Run) -> None:
    lines = run("list-plugins", "-f", "csv").stdout.splitlines()
    elsewhere = [] if is_windows() else ["certstore", "dpapi"]
    assert [line.split(",")[1] for line in lines[1:] if not line.endswith(",ok")] == elsewhere
