"""What other houses' libraries think of the tokens, and of the keys."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.conftest import JSONWEBTOKEN, VECTORS, Run, verified_by_node
from tests.pages import readme_command
from tests.programs import run_program
from tests.service.conftest import copy_of_the_source, outer_variables

pytestmark = pytest.mark.needs("npm")

JOSE = """
const [token, key, options] = process.argv.slice(1)
const { importSPKI, importX509, jwtVerify } = require("jose")
const text = require("fs").readFileSync(key, "utf8")
const { algorithms, audience } = JSON.parse(options)
const load = text.includes("CERTIFICATE") ? importX509 : importSPKI
load(text, algorithms[0])
  .then((loaded) => jwtVerify(token, loaded, { algorithms, audience }))
  .then(({ payload }) => process.stdout.write(JSON.stringify(payload)))
"""


@pytest.mark.parametrize("script", [JSONWEBTOKEN, JOSE], ids=["jsonwebtoken", "jose"])
@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512"])
def test_node_verifies_a_token_for_qlik_sense(
    qseow: Run, keys: SimpleNamespace, node_modules: Path, script: str, algorithm: str
) -> None:
    token = qseow("--key", keys.files["rsa"], "--algorithm", algorithm, "--username", "Göran Sänder 😀").token
    claims = verified_by_node(script, node_modules, token, keys.public, algorithms=[algorithm])
    assert (claims["userId"], claims["name"]) == ("anna", "Göran Sänder 😀")


@pytest.mark.parametrize("script", [JSONWEBTOKEN, JOSE], ids=["jsonwebtoken", "jose"])
def test_node_verifies_a_token_for_qlik_cloud_with_a_new_certificate(
    qscloud: Run, run: Run, node_modules: Path, tmp_path: Path, script: str
) -> None:
    result = run(
        *("create-qscloud", "--issuer", "i", "--keyid", "k", "--subject", "s", "--expires", "5m"),
        *("--groups", "Ö", "--cert-create", "--cert-key-size", "2048"),
    )
    key = tmp_path / "publickey.cer"
    options = {"algorithms": ["RS256"], "audience": "qlik.api/login/jwt-session"}
    assert verified_by_node(script, node_modules, result.token, key, **options)["groups"] == ["Ö"]


def test_a_token_that_jsonwebtoken_signed_isverified_by_node(
    run: Run, keys: SimpleNamespace, node_modules: Path
) -> None:
    script = """
    const [key] = process.argv.slice(1)
    const options = { algorithm: "RS384", expiresIn: 60 }
    const token = require("jsonwebtoken").sign({ name: "Göran" }, require("fs").readFileSync(key), options)
    process.stdout.write(token)
    """
    made = run_program("node", "-e", script, keys.files["rsa"], cwd=node_modules).stdout
    record = json.loads(run("decode", "--jwt", made, "--cert-publickey-file", keys.public).stdout)
    assert (record["verdict"], record["claims"]["name"]) == ("valid", "Göran")


def test_the_first_command_of_the_readme_prints_a_token_that_node_verifies(node_modules: Path, tmp_path: Path) -> None:
    clone = copy_of_the_source(tmp_path)
    printed = run_program("bash", "-c", readme_command("token"), cwd=clone, env=outer_variables()).stdout
    assert printed.count("\n") == 1
    key = clone / "first_publickey.cer"
    claims = verified_by_node(JSONWEBTOKEN, node_modules, printed.strip(), key, algorithms=["RS256"])
    assert claims["userId"] == "göran"


def test_the_certificates_of_qs_jwt_are_read_by_node_as_well_as_by_us(node_modules: Path) -> None:
    token = (VECTORS / "qseow-365d.jwt").read_text(encoding="ascii").strip()
    options = {"algorithms": ["RS256"], "ignoreExpiration": True, "clockTimestamp": 1_795_461_200}
    claims = verified_by_node(JSONWEBTOKEN, node_modules, token, VECTORS / "publickey.cer", **options)
    assert claims["userId"] == "anna"
