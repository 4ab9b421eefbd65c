"""Other maps than attention find what carries the score; checks tell whether a map hangs on what was learned."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from itemclip_med.errors import ModelError, SourceError
from itemclip_med.explain import Extras, explain_study, find_heatmaps
from itemclip_med.explain.heatmap import LoadedStudy
from itemclip_med.explain.sanity import check_maps, curves, randomize, rank_correlation
from itemclip_med.models import ItemizedCLIP
from tests.explain.making import head, plant_attention, write_store


@pytest.fixture(scope="module")
def model():
    return ItemizedCLIP.from_pretrained("head_ct_phantom")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    array = head()
    array[90:100, 60:70, 14:20] = 75  # a bleed
    return write_store(tmp_path_factory.mktemp("store") / "s", [array])


def brightness(model, monkeypatch):
    """Let the score of a study be how bright one patch of its image is."""

    def score(encoding, texts):
        return encoding.marked.expand(-1, len(texts))

    original = model.encode_study

    def encode(images, names=None, mask=None, **options):
        encoding = original(images, names, mask, **options)
        object.__setattr__(encoding, "marked", images[:, 0, 0, 8:16, 16:32, 48:64].mean(dim=(1, 2, 3))[:, None])
        return encoding

    monkeypatch.setattr(model, "encode_study", encode)
    monkeypatch.setattr(model, "score", score)


def test_occlusion_finds_the_one_patch_that_makes_the_score(store, model, monkeypatch):
    brightness(model, monkeypatch)
    monkeypatch.setattr("itemclip_med.explain.patch_maps._MAX_OCCLUSIONS", 40)
    loaded = LoadedStudy.load(store, "study-1", model)
    loaded.batch["image"][0, 0, 0, 8:16, 16:32, 48:64] = 5.0
    values = loaded.map(torch.ones(1, 128), "occlusion").values[0, 0]
    found = np.argwhere(values.numpy() > 0)
    assert (1, 1, 3) in map(tuple, found)
    assert len(found) <= 8  # one block of patches, nothing else


def test_saliency_finds_the_one_patch_that_makes_the_score(store, model, monkeypatch):
    brightness(model, monkeypatch)
    loaded = LoadedStudy.load(store, "study-1", model)
    values = loaded.map(torch.ones(2, 128), "saliency").values[1, 0]
    assert list(map(tuple, np.argwhere(values.numpy() > 0))) == [(1, 1, 3)]
    assert values.mean() == pytest.approx(1)


def test_gradient_times_attention_is_relative_and_never_negative(store, model):
    _, (heatmap,) = find_heatmaps(store, "study-1", model, ["epidural hematoma"], method="gradient")
    assert heatmap.patches.min() >= 0
    assert heatmap.patches.mean() == pytest.approx(1)


def test_heads_average_to_the_map(store, model):
    loaded = LoadedStudy.load(store, "study-1", model)
    maps = loaded.map(loaded.embed(["epidural hematoma"]), per_head=True)
    assert maps.heads.mean(dim=1).numpy() == pytest.approx(maps.values.numpy(), abs=1e-4)


def test_shuffled_weights_change_the_part_they_belong_to_and_nothing_else(model):
    other = randomize(model, "pool", seed=1)
    assert not torch.equal(other.pool.in_proj_weight, model.pool.in_proj_weight)
    assert torch.equal(other.pool.in_proj_weight.flatten().sort()[0], model.pool.in_proj_weight.flatten().sort()[0])
    assert torch.equal(other.visual_proj.weight, model.visual_proj.weight)
    assert torch.equal(other.text.embed(["a bleed"]), model.text.embed(["a bleed"]))


def test_deleting_what_makes_the_score_costs_more_than_deleting_the_rest(store, model, monkeypatch):
    brightness(model, monkeypatch)
    loaded = LoadedStudy.load(store, "study-1", model)
    loaded.batch["image"][0, 0, 0, 8:16, 16:32, 48:64] = 5.0
    places = torch.arange(4 * 8 * 7)
    marked = int(np.ravel_multi_index((1, 1, 3), (4, 8, 7)))
    first = torch.cat([places[marked : marked + 1], places[places != marked]])
    deletion, insertion = curves(loaded, torch.ones(1, 128), first)
    late_deletion, late_insertion = curves(loaded, torch.ones(1, 128), first.flip(0))
    assert deletion[0] == pytest.approx(5) == insertion[-1]
    assert np.mean(deletion) < np.mean(late_deletion)
    assert np.mean(insertion) > np.mean(late_insertion)


def test_checks_name_every_part_and_are_numbers(store, model, monkeypatch):
    monkeypatch.setattr("itemclip_med.explain.sanity._RANDOM_ORDERS", 1)
    loaded = LoadedStudy.load(store, "study-1", model)
    checks = check_maps(loaded, ["epidural hematoma"], loaded.embed(["epidural hematoma"]))
    assert set(checks["epidural hematoma"].randomized) == {"pool", "image tower", "all"}
    assert all(-1 <= value <= 1 for value in checks["epidural hematoma"].randomized.values())
    assert len(checks["epidural hematoma"].rows()) == 5


def test_rank_correlation_knows_order_alone():
    values = np.array([1.0, 2.0, 5.0, 9.0])
    assert rank_correlation(values, values**3) == pytest.approx(1)
    assert rank_correlation(values, -values) == pytest.approx(-1)
    assert rank_correlation(values, np.ones(4)) == 0


def test_an_attention_of_zeros_is_said_and_written_as_zeros(store, model, monkeypatch, tmp_path):
    plant_attention(monkeypatch, model, [None])
    paths = explain_study(store, "study-1", model, ["a bleed"], tmp_path / "out", formats=["nifti", "png", "html"])
    assert len(paths) == 3
    _, (heatmap,) = find_heatmaps(store, "study-1", model, ["a bleed"])
    assert heatmap.is_empty and heatmap.empty_share == 1


@pytest.mark.parametrize(("items", "message"), [([""], "No finding"), ([], "No finding"), (["x" * 10_000], "10,000")])
def test_words_that_cannot_be_asked_are_refused(store, model, items, message, tmp_path):
    with pytest.raises(ModelError, match=message):
        explain_study(store, "study-1", model, items, tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_named(store, model, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(SourceError, match="cannot be written"):
        explain_study(store, "study-1", model, ["a bleed"], tmp_path / "file")


def test_an_unknown_method_is_refused(store, model, tmp_path):
    with pytest.raises(ModelError, match="lime"):
        explain_study(store, "study-1", model, ["a"], tmp_path / "o", extras=Extras(methods=("lime",)))
