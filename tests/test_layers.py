"""The rooms of the house: who may import whom, and no module leads back to itself."""

import ast
import graphlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# From below to above: a module imports from the rooms before its own, and from its own.
ROOMS = [
    {"qsjwt", "errors", "redaction", "times", "plugins", "startup"},  # the cellar
    {"io"},
    {"keys"},
    {"tokens"},
    {"options"},
    {"batch"},
    {"live"},
    {"cli"},
    {"api", "__main__"},
    {"testing"},
]
RANK = {name: rank for rank, names in enumerate(ROOMS) for name in names}
PLUGINS = {
    # What a third party would never need of a key's insides, the key providers that come along may use.
    "qsjwt.providers": ("qsjwt.api", "qsjwt.keys.", "qsjwt.io."),
    "qsjwt_platforms": ("qsjwt.api", "qsjwt_platforms."),
}
OWNERS = {
    "cliff": {"cli"},
    "stevedore": {"plugins"},
    "argparse": {"options"},
    "urllib3": {"live"},
    "truststore": {"live"},
}
FILES = sorted([*(ROOT / "qsjwt").rglob("*.py"), *(ROOT / "qsjwt_platforms").rglob("*.py")])
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in FILES}


def _imports(path: Path, *, inside_functions: bool = True) -> set[str]:
    """Return the modules that *path* imports, but for type checking alone."""
    found: set[str] = set()

    def look(node: ast.AST) -> None:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not inside_functions:
            return
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            members = {f"{module}.{alias.name}" for alias in node.names}
            found.update(members & MODULES.keys() or {module})
        for child in ast.iter_child_nodes(node):
            look(child)

    look(ast.parse(path.read_text(encoding="utf-8")))
    return found


def _room(module: str) -> str:
    """Return the room, or the module of the cellar, that *module* of qsjwt is in."""
    _, _, rest = module.partition(".")
    return rest.partition(".")[0] or "qsjwt"


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_its_own_room_and_those_below(module: str) -> None:
    plugin = next((package for package in PLUGINS if module.startswith(package)), None)
    for name in _imports(MODULES[module]):
        if not module.startswith("qsjwt_platforms"):
            assert not name.startswith(("qsjwt.providers", "qsjwt_platforms")), f"{module} imports a plugin by name"
        if not name.startswith("qsjwt"):
            continue
        if plugin is not None:
            assert f"{name}.".startswith(PLUGINS[plugin]), f"{module}: a plugin does not know {name}"
        else:
            assert RANK[_room(name)] <= RANK[_room(module)], f"{module} imports {name} from above"


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("qsjwt.providers")])
def test_what_has_an_owner_is_imported_by_the_owner_alone(module: str) -> None:
    for name in _imports(MODULES[module]):
        package = name.partition(".")[0]
        if package in OWNERS:
            assert _room(module) in OWNERS[package], f"{module} imports {name}"


def test_no_module_leads_back_to_itself() -> None:
    graph = {
        module: {name for name in _imports(path, inside_functions=False) if name in MODULES}
        for module, path in MODULES.items()
    }
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the modules


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_in_at_most_four_lines_why_it_exists(module: str) -> None:
    docstring = ast.get_docstring(ast.parse(MODULES[module].read_text(encoding="utf-8")))
    assert docstring, module
    assert len(docstring.splitlines()) <= 4


def test_every_module_has_a_room() -> None:
    assert {_room(module) for module in MODULES if module.partition(".")[0] == "qsjwt"} <= {*RANK, "providers"}
