"""The layers: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From below to above; a module imports only from layers before its own.
LAYERS = [
    {"errors", "spelling", "startup", "qsjwt"},
    {"redaction"},
    {"duration", "timestamp", "files", "inputs", "log", "deadline"},
    {"output", "rows"},
    {"parser", "armour"},
    {"pem"},
    {"signer"},
    {"jwt", "certificate", "public"},
    {"platform", "plugins"},
    {"rules", "verdict", "claim_names", "keys"},
    {"key_options", "token_options", "claim_options", "completion"},
    {"creation", "completion_scripts"},
    {"row_options", "progress", "batch_options"},
    {"batch"},
    {"batch_run"},
    {"command"},
    {"api", "app", "commands"},
    {"__main__", "testing"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
OWNERS = {
    "cliff": {"app", "command", "commands"},
    "stevedore": {"plugins"},
    "argparse": {
        *("app", "command", "commands", "parser", "platform", "qsjwt_platforms"),
        *("batch_options", "batch_run", "claim_names", "claim_options", "completion", "creation"),
        *("key_options", "row_options", "token_options"),
    },
}
FILES = sorted([*(ROOT / "qsjwt").rglob("*.py"), *(ROOT / "qsjwt_platforms").rglob("*.py")])


def _imports(path: Path) -> set[str]:
    """Return the dotted names that *path* imports, inside functions too, but not for type checking alone."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" if module in ("qsjwt", "cliff") else module for alias in node.names}
    return found


def _unit(path: Path) -> str:
    """Return the module of qsjwt, or the package, that *path* belongs to."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "qsjwt_platforms" or len(parts) == 1:
        return parts[0]
    return "qsjwt" if parts[1] == "__init__" else parts[1]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_imports_only_from_below(path: Path) -> None:
    unit = _unit(path)
    for name in _imports(path):
        package, _, rest = name.partition(".")
        if package == "qsjwt":
            target = rest.partition(".")[0]
            target = target if target in RANK else "qsjwt"
            if unit in ("providers", "qsjwt_platforms"):
                assert target == "api", f"{path}: plugins know qsjwt.api alone, not {name}"
            elif target != unit:
                assert RANK[target] < RANK[unit], f"{path} imports {name} from its own layer or above"
        assert package != "qsjwt_platforms", f"{path}: nobody imports a plugin by name"
        assert not name.startswith("qsjwt.providers"), f"{path}: nobody imports a plugin by name"
        if package in OWNERS:
            assert unit in OWNERS[package], f"{path} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_in_at_most_four_lines_why_it_exists(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert docstring, path
    assert len(docstring.splitlines()) <= 4


def test_every_module_has_a_layer() -> None:
    units = {_unit(path) for path in FILES} - {"providers", "qsjwt_platforms"}
    assert units == set(RANK)
