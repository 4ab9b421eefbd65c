"""What every bundle's files promise, without running one."""

from __future__ import annotations

import json
import re
from pydoc import locate

import pytest
from click.testing import CliRunner

from itemclip_med import __version__
from itemclip_med.cli.main import main
from itemclip_med.resources import bundles_dir

BUNDLES = sorted(path.parent.parent for path in bundles_dir().glob("*/configs/metadata.json"))
CONFIGS = sorted(path for folder in BUNDLES for path in (folder / "configs").glob("*.json"))
REQUIRED = [
    "schema",
    "version",
    "monai_version",
    "pytorch_version",
    "numpy_version",
    "required_packages_version",
    "task",
    "description",
    "authors",
    "copyright",
    "network_data_format",
    "name",
    "changelog",
    "intended_use",
    "data_source",
    "data_type",
    "references",
    "eval_metrics",
]


def walk(value):
    """Every dictionary and string in a configuration."""
    yield value
    if isinstance(value, dict):
        for part in value.values():
            yield from walk(part)
    elif isinstance(value, list):
        for part in value:
            yield from walk(part)


def test_there_is_a_bundle():
    assert BUNDLES


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
def test_license_docs_and_configs_are_there_and_small(folder):
    for name in ("LICENSE", "docs/README.md", "docs/data_license.txt", "configs/train.json", "configs/inference.json"):
        assert (folder / name).stat().st_size > 500
    text = (folder / "LICENSE").read_text()
    assert "Apache License" in text
    assert "[yyyy]" not in text


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
def test_metadata_holds_what_monai_asks_for(folder):
    metadata = json.loads((folder / "configs" / "metadata.json").read_text())
    assert [name for name in REQUIRED if name not in metadata] == []
    assert metadata["version"] in metadata["changelog"]
    assert metadata["supported_apps"] == {}
    for tensors in metadata["network_data_format"].values():
        for tensor in tensors.values():
            assert {"type", "format", "num_channels", "spatial_shape", "dtype", "value_range"} <= set(tensor)


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
def test_metadata_pins_the_versions_of_the_constraints(folder, repo_dir):
    metadata = json.loads((folder / "configs" / "metadata.json").read_text())
    pins = {
        "monai": metadata["monai_version"],
        "numpy": metadata["numpy_version"],
        "torch": metadata["pytorch_version"],
    }
    for package, pinned in (pins | metadata["required_packages_version"]).items():
        line = re.search(rf"^{package}==([\w.]+)", (repo_dir / "constraints.txt").read_text(), re.MULTILINE)
        assert line is None or line[1] == pinned, package
        assert re.fullmatch(r"\d+(\.\d+)+", pinned)
    assert metadata["required_packages_version"]["itemclip-med"] == __version__


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: f"{path.parent.parent.name}/{path.name}")
def test_configs_name_existing_parts_and_no_path_of_a_checkout(path):
    config = json.loads(path.read_text())
    for value in walk(config):
        if isinstance(value, dict) and str(value.get("_target_", "")).startswith("itemclip_med"):
            assert locate(value["_target_"]) is not None, value["_target_"]
        if isinstance(value, str) and value.startswith(("@", "$", "%")):
            assert "#" not in value
            assert "bundles/" not in value


@pytest.mark.parametrize("folder", BUNDLES, ids=lambda path: path.name)
def test_readme_names_only_files_that_exist(folder):
    readme = (folder / "docs" / "README.md").read_text()
    named = set(re.findall(r"(?:configs|docs)/[\w.]+\.(?:json|conf|txt|md)", readme))
    assert named
    assert [name for name in sorted(named) if not (folder / name).is_file()] == []


def run(*arguments):
    return CliRunner().invoke(main, ["bundle", *map(str, arguments)])


def test_command_lists_every_bundle():
    assert {row["name"] for row in json.loads(run("list", "--json").output)} == {path.name for path in BUNDLES}
    assert all(path.name in run("list").output for path in BUNDLES)


def test_command_prints_a_bundles_folder():
    assert run("path", BUNDLES[0].name).output.strip() == str(BUNDLES[0])


def test_command_copies_a_bundle(tmp_path):
    assert run("copy", BUNDLES[0].name, tmp_path / "mine").exit_code == 0
    assert (tmp_path / "mine" / "configs" / "train.json").is_file()


def test_copy_overwrites_nothing(tmp_path):
    (tmp_path / "kept.txt").write_text("kept")
    result = run("copy", BUNDLES[0].name, tmp_path)
    assert result.exit_code == 1
    assert "not an empty folder" in result.output


def test_unknown_bundle_is_answered_with_the_known_ones():
    result = run("path", "nothing")
    assert result.exit_code == 2
    assert all(path.name in result.output for path in BUNDLES)
