"""Recipes: found by name or path, checked key by key."""

from __future__ import annotations

import pytest
import yaml

from itemclip_med.errors import RecipeError
from itemclip_med.preprocess.recipe import list_recipes, load_recipe, parse_recipe
from itemclip_med.resources import recipes_dir
from itemclip_med.transforms import ModelInput


def make_values(**changes):
    values = {
        "version": 1,
        "source": "dicom",
        "study_id": {"rule": "hashed"},
        "select": {"modality": ["CT"]},
        "volume": {"_target_": "Compose", "transforms": []},
    }
    return {**values, **changes}


@pytest.mark.parametrize("name", list_recipes())
def test_every_shipped_recipe_is_read_and_built(name):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert callable(recipe.build_transform())


@pytest.mark.parametrize("name", list_recipes())
def test_every_shipped_recipe_has_its_command_in_the_first_comment(name):
    first = (recipes_dir() / f"{name}.yaml").read_text().splitlines()[0]
    assert first.startswith("#") and "itemclip-med preprocess" in first and f"--recipe {name}" in first


@pytest.mark.parametrize("name", ["head_ct", "cq500"])
def test_head_ct_recipes_cut_the_windows_of_the_default_model_input(name):
    windows = {key: tuple(map(float, window)) for key, window in load_recipe(name).windows_hu.items()}
    assert windows == ModelInput().windows_hu


def test_a_recipe_is_found_by_path_too(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(make_values()))
    assert load_recipe(path).name == "mine"


def test_an_unknown_recipe_lists_those_there_are():
    with pytest.raises(RecipeError, match=r"No recipe 'cq5000'. Did you mean cq500\? There are .*cq500.*head_ct"):
        load_recipe("cq5000")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version is 2, expected 1"),
        ({"source": "paper"}, "source is 'paper', expected one of dicom"),
        ({"studyid": {}}, "unknown key 'studyid'.*Did you mean study_id"),
        ({"zzz": 1}, "unknown key 'zzz'.*Known keys"),
        ({"max_series": 0}, "max_series is 0"),
        ({"stored_dtype": "float64"}, "stored_dtype is 'float64'"),
        ({"select": ["CT"]}, "select is .*expected keys and values"),
        ({"study_id": "hashed"}, "study_id is 'hashed'"),
        ({"study_id": {"rule": "secret"}}, "study_id: rule is 'secret'"),
        ({"study_id": {"rule": "public", "spelling": "x"}}, "study_id: spelling is 'x'"),
        ({"study_id": {"rule": "public", "where": ["name"]}}, "study_id: where is 'name'"),
        ({"study_id": {"rule": "public", "place": 1}}, "study_id has the unknown key 'place'"),
        ({"labels": {"reader": "excel"}}, "labels: reader is 'excel'"),
        ({"labels": {"reader": "csv", "file": "x"}}, "labels has the unknown key 'file'"),
        ({"reports": {"ids": "x"}}, "reports: ids is 'x'"),
        ({"reports": {"ids": "plain", "default": "r.csv"}}, "reports with a default need id_column and text_columns"),
        ({"metadata": [{"default": "m.csv"}]}, "metadata needs default and id_column"),
        (
            {"metadata": [{"default": "m", "id_column": "i", "stored": {"folders": "v1"}}]},
            "metadata: stored needs slope",
        ),
        ({"exclude": {"id": {}}}, "exclude has the unknown key 'id'"),
        ({"exclude": {"ids": {"a": "b"}}}, "exclude leaves out files by their public ids"),
        ({"check": {"sides": "head"}}, "check: sides is 'head', expected one of chest"),
        ({"check": {"spacing_mm": 1}}, "check: spacing_mm is 1, expected two numbers"),
        ({"about": {"where": "x"}}, "about has the unknown key 'where'"),
        ({"study_id": {"rule": "public", "split": {"a": "dev"}}}, "study_id: split is 'dev'"),
        ({"study_id": {"rule": "public", "patient": "("}}, "patient is no regular expression"),
    ],
)
def test_a_wrong_key_is_named(changes, message):
    with pytest.raises(RecipeError, match=message):
        parse_recipe(make_values(**changes), "mine")


@pytest.mark.parametrize("key", ["version", "source", "study_id", "select", "volume"])
def test_a_missing_key_is_named(key):
    values = make_values()
    del values[key]
    with pytest.raises(RecipeError, match=f"the key {key} is missing"):
        parse_recipe(values, "mine")


def test_a_key_that_is_referred_to_is_a_setting():
    values = make_values(grid_mm=[1, 1, 1], volume={"_target_": "Compose", "transforms": "@grid_mm"})
    assert parse_recipe(values, "mine").values["grid_mm"] == [1, 1, 1]


def test_what_is_no_recipe_is_refused(tmp_path):
    broken = tmp_path / "broken.yaml"
    broken.write_text("version: [1\nsource: dicom")
    with pytest.raises(RecipeError, match=r"broken\.yaml, line 2: not YAML"):
        load_recipe(broken)
    broken.write_text("just words")
    with pytest.raises(RecipeError, match="expected keys and values, found str"):
        load_recipe(broken)
    broken.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(broken)


def test_a_transform_that_does_not_exist_is_named():
    values = make_values(volume={"_target_": "Compose", "transforms": [{"_target_": "NoSuchTransform"}]})
    with pytest.raises(RecipeError, match="Recipe mine: volume cannot be built"):
        parse_recipe(values, "mine").build_transform()
    with pytest.raises(RecipeError, match="volume is no transform"):
        parse_recipe(make_values(volume=3), "mine").build_transform()


def test_the_digest_changes_with_every_value_and_not_with_comments(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(make_values()))
    digest = load_recipe(path).digest
    path.write_text("# a comment\n" + yaml.safe_dump(make_values()))
    assert load_recipe(path).digest == digest
    path.write_text(yaml.safe_dump(make_values(max_series=4)))
    assert load_recipe(path).digest != digest


def test_what_people_read_does_not_change_a_recipes_digest():
    plain = parse_recipe(make_values(), "mine").digest
    assert parse_recipe(make_values(about={"title": "x"}, expected={"studies": 3}), "mine").digest == plain
    assert parse_recipe(make_values(max_series=3), "mine").digest != plain


@pytest.mark.parametrize("name", ["ct_rate", "rad_chestct", "rsna_ich", "cq500", "pub_brain_5"])
def test_recipes_of_public_data_say_where_to_get_them_and_what_a_model_is_given(name):
    recipe = load_recipe(name)
    assert all((recipe.about.title, recipe.about.get, recipe.about.license, recipe.about.cite, recipe.about.notes))
    assert recipe.study_id.rule == "public" and recipe.labels.default
    assert recipe.model_input().modality == recipe.values["select"]["modality"][0]


def test_a_recipe_without_on_load_says_so():
    with pytest.raises(RecipeError, match="Recipe mine: it has no on_load"):
        parse_recipe(make_values(), "mine").model_input()
    with pytest.raises(RecipeError, match=r"Recipe mine: on_load: .*gird"):
        parse_recipe(make_values(on_load={"gird": 1}), "mine").model_input()
