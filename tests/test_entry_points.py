"""What setup.cfg promises is there."""

import configparser
import contextlib
import importlib
import inspect
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import qsjwt
from qsjwt import api
from qsjwt.cli.command import COMMANDS
from qsjwt.errors import PluginError
from qsjwt.keys.reference import KEY_PROVIDERS
from qsjwt.plugins import Group
from qsjwt.tokens.platform import PLATFORMS

ROOT = Path(__file__).parent.parent
CONFIG = configparser.ConfigParser()
CONFIG.read(ROOT / "setup.cfg", encoding="utf-8")


@pytest.mark.parametrize("plugins", [PLATFORMS, KEY_PROVIDERS, COMMANDS], ids=lambda plugins: plugins.kind)
def test_every_entry_point_is_installed_and_loads(plugins: Group[Any]) -> None:
    lines = CONFIG["options.entry_points"][plugins.group].split("\n")
    written = {line.partition("=")[0].strip() for line in lines if line}
    assert {e.name for e in metadata.entry_points(group=plugins.group) if e.dist and e.dist.name == "qsjwt"} == written
    for name in written:
        try:
            assert issubclass(plugins.load(name), plugins.base)
        except PluginError as error:
            # The library of an extra is missing; the environment "providers" has them all.
            assert "pip install 'qsjwt[" in error.hint


@pytest.mark.parametrize(("folder", "plugins"), [("providers", KEY_PROVIDERS), ("cli/commands", COMMANDS)])
def test_every_plugin_file_has_an_entry_point(folder: str, plugins: Group[Any]) -> None:
    files = {path.stem.removesuffix("_").replace("_", "-") for path in (ROOT / "qsjwt" / folder).glob("*.py")} - {
        "--init-"
    }
    assert files == set(plugins.names())


def test_all_of_the_api_can_be_imported_and_is_documented() -> None:
    assert sorted(api.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)) == api.__all__
    for name in api.__all__:
        found = getattr(api, name)
        if inspect.isclass(found) or inspect.isfunction(found):
            assert inspect.getdoc(found), name
    public = {name for name in vars(api) if not name.startswith("_")} - {"importlib", "Any", "TYPE_CHECKING"}
    assert public <= set(api.__all__)


def test_the_summary_of_a_key_provider_begins_with_its_scheme() -> None:
    for scheme in KEY_PROVIDERS.names():
        with contextlib.suppress(PluginError):
            assert KEY_PROVIDERS.create(scheme).summary.startswith(f"{scheme}:")


def test_the_version_is_the_same_everywhere() -> None:
    assert metadata.version("qsjwt") == qsjwt.__version__
    assert f"## [{qsjwt.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_importing_the_package_imports_nothing_else() -> None:
    source = inspect.getsource(importlib.import_module("qsjwt"))
    assert "import" not in source
