"""Each training piece alone."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from ignite.engine import Engine
from sklearn.metrics import roc_auc_score

from itemclip_med import Finding
from itemclip_med.errors import StoreError
from itemclip_med.training import (
    ExportModel,
    GradClip,
    LogScaleClamp,
    MaskedMeanAUC,
    PickTotal,
    PrepareItemBatch,
    PrepareStudyBatch,
    RunRecord,
    ZeroShotInferer,
    choose_studies,
    derive_seed,
    parameter_groups,
)
from itemclip_med.training.validation import binary_auc
from tests.training.toy_model import ToyModel, collate, tokenize


def test_seeds_depend_on_every_part():
    seeds = {
        derive_seed(0, 1, 2, "loss"),
        derive_seed(0, 1, 2, "model"),
        derive_seed(0, 12, "loss"),
        derive_seed(1, 1, 2, "loss"),
    }
    assert len(seeds) == 4
    assert derive_seed(0, 1, 2, "loss") == derive_seed(0, 1, 2, "loss") < 2**63


def test_norms_biases_and_scale_are_not_decayed():
    model = ToyModel()
    model.words.weight.requires_grad_(False)
    plain, decayed = parameter_groups(model, 0.2)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert (plain["weight_decay"], decayed["weight_decay"]) == (0.0, 0.2)
    assert {"logit_scale", "logit_bias", "patches.bias", "visual_attn.ln_q.weight"} <= {
        names[id(p)] for p in plain["params"]
    }
    assert {names[id(p)] for p in decayed["params"]} == {
        "patches.weight",
        "visual_attn.attn.in_proj_weight",
        "visual_attn.attn.out_proj.weight",
    }


def make_engine(parameter, iteration, steps=1, length=4):
    engine = SimpleNamespace(optimizer=torch.optim.SGD([parameter], lr=1.0), accumulation_steps=steps, scaler=None)
    engine.state = SimpleNamespace(iteration=iteration, epoch_length=length)
    return engine


def test_the_text_tower_learns_at_its_own_rate():
    model = torch.nn.ModuleDict({"visual": torch.nn.Linear(3, 3), "text": torch.nn.Linear(3, 3)})
    model.text = model["text"]
    groups = parameter_groups(model, 0.1, learning_rate=1e-3, text_lr_share=0.1)
    rates = {id(p): group.get("lr") for group in groups for p in group["params"]}
    assert [rates[id(p)] for p in model["text"].parameters()] == pytest.approx([1e-4, 1e-4])
    assert {rates[id(p)] for p in model["visual"].parameters()} == {None}
    assert len(rates) == 4


def test_a_share_of_no_learning_rate_is_refused():
    with pytest.raises(ValueError, match="learning_rate"):
        parameter_groups(torch.nn.Linear(2, 2), 0.1, text_lr_share=0.5)


@pytest.mark.parametrize(
    ("iteration", "steps", "clipped"), [(1, 1, True), (1, 2, False), (2, 2, True), (4, 3, True), (6, 4, False)]
)
def test_gradients_are_clipped_only_before_a_step(iteration, steps, clipped):
    parameter = torch.nn.Parameter(torch.zeros(3))
    parameter.grad = torch.full((3,), 10.0)
    GradClip(1.0)(make_engine(parameter, iteration, steps))
    assert parameter.grad.norm().item() == pytest.approx(1.0 if clipped else 10 * 3**0.5, rel=1e-4)


@pytest.mark.parametrize(("value", "expected"), [(-1.0, 0.0), (9.0, math.log(100)), (2.0, 2.0)])
def test_log_scale_stays_between_0_and_ln_100(value, expected):
    model = ToyModel()
    model.logit_scale.data.fill_(value)
    LogScaleClamp(model)(None)
    assert model.logit_scale.item() == pytest.approx(expected)


def make_batch():
    return collate(
        [
            {"image": torch.zeros(1, 1, 2, 4, 4), "items": ["bleed", "shift"], "labels": {"bleed": 1, "shift": None}},
            {"image": torch.zeros(1, 1, 2, 4, 4), "items": ["normal", ""], "labels": {"bleed": 0}},
        ]
    )


def test_item_batch_becomes_what_the_step_takes():
    image, target, args, keywords = PrepareItemBatch()(make_batch(), "cpu")
    assert image.shape == (2, 1, 1, 2, 4, 4)
    assert (target, args) == (None, ())
    assert keywords["text"]["input_ids"].flatten().tolist() == [1, 4, 3, 0]
    assert keywords["item_mask"].tolist() == [[1, 1], [1, 0]]


def test_whole_report_joins_the_items():
    seen = []

    def remember(texts):
        seen.extend(texts)
        return tokenize(["" for _ in texts])

    _, _, _, keywords = PrepareItemBatch(remember, texts="report")(make_batch())
    assert seen == ["bleed shift", "normal"]
    assert keywords["item_mask"].tolist() == [[1], [1]]


def test_texts_without_a_tokenizer_are_refused():
    with pytest.raises(ValueError, match="needs `tokenize`"):
        PrepareItemBatch(texts="report")
    batch = make_batch()
    del batch["text"]
    with pytest.raises(ValueError, match="no `text`"):
        PrepareItemBatch()(batch)


def test_unknown_labels_become_minus_one():
    _, labels, _, _ = PrepareStudyBatch(["shift", "bleed"])(make_batch())
    assert labels.tolist() == [[-1, 1], [-1, 0]]


def test_pick_total_gives_the_scalar():
    assert PickTotal()({"total": torch.tensor(3.0)}, None) == 3


def test_scores_of_a_findings_prompts_are_averaged():
    model = ToyModel().eval()
    image = torch.randn(3, 1, 1, 2, 4, 4)
    findings = [Finding("bleed", "Bleeding", ("bleed", "fracture")), Finding("shift", "Shift", ("shift",))]
    found = ZeroShotInferer(findings)(image, model)
    single = model.score(model.encode_study(image), model.encode_text(["bleed", "fracture", "shift"]))
    torch.testing.assert_close(found, torch.stack([single[:, :2].mean(1), single[:, 2]], 1))


@pytest.mark.parametrize("findings", [{}, {"bleed": []}])
def test_findings_without_prompts_are_refused(findings):
    with pytest.raises(ValueError, match="no prompts"):
        ZeroShotInferer(findings)


def test_auc_equals_scikit_learns_with_ties_and_unknown_labels():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, 200)
    labels = rng.integers(-1, 2, 200)
    known = labels >= 0
    expected = roc_auc_score(labels[known], scores[known])
    assert binary_auc(torch.tensor(scores).float(), torch.tensor(labels)) == pytest.approx(expected)


def test_mean_auc_leaves_out_undefined_findings():
    metric = MaskedMeanAUC(["a", "b", "c"])
    metric(torch.tensor([[0.1, 0.5, 0.2], [0.9, 0.1, 0.3]]), torch.tensor([[0.0, 1.0, -1.0], [1.0, 1.0, 1.0]]))
    assert metric.per_finding() == {"a": 1.0, "b": None, "c": None}
    assert metric.aggregate().item() == 1.0


def test_mean_auc_of_nothing_defined_is_zero_and_not_nan():
    metric = MaskedMeanAUC()
    metric(torch.rand(2, 1), torch.ones(2, 1))
    assert metric.aggregate().item() == 0.0


def test_scores_and_labels_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match="differ in shape"):
        MaskedMeanAUC()(torch.rand(2, 1), torch.ones(2, 2))


@dataclass
class Row:
    study_id: str
    patient_id: str | None = None
    split: str | None = None
    recipe_digest: str = "r"


def test_a_stores_own_split_is_used():
    studies = [Row("a", split="train"), Row("b", split="val"), Row("c", split="test")]
    assert [choose_studies(studies, part) for part in ("train", "val", "test")] == [["a"], ["b"], ["c"]]


def test_a_patient_lies_in_one_part_whatever_else_is_there():
    studies = [Row(str(i), patient_id=str(i // 2)) for i in range(400)]
    train, val = choose_studies(studies, "train", val_share=0.25), choose_studies(studies, "val", val_share=0.25)
    assert sorted(train + val, key=int) == [str(i) for i in range(400)]
    assert not {int(i) // 2 for i in train} & {int(i) // 2 for i in val}
    assert 60 < len(val) < 140
    assert choose_studies(studies[:100], "val", val_share=0.25) == [i for i in val if int(i) < 100]


def test_an_empty_part_is_refused():
    with pytest.raises(StoreError, match="no study for 'test'"):
        choose_studies([Row("a")], "test")


def test_export_keeps_the_best_and_ignores_nan(tmp_path):
    model = ToyModel()
    handler = ExportModel(model, tmp_path / "best", metric="auc")
    engine = Engine(lambda *_: None)
    written = []
    model.save_pretrained = lambda folder, dtype: written.append(engine.state.metrics["auc"])
    for value in (float("nan"), 0.5, 0.4, 0.6):
        engine.state.metrics["auc"] = value
        handler(engine)
    assert written == [0.5, 0.6]


def test_a_run_record_keeps_the_earlier_ones(tmp_path):
    store = SimpleNamespace(root=tmp_path, studies=[Row("a")], digest=lambda: "d")
    engine = Engine(lambda *_: None)
    engine.state.device = "cpu"
    for seed in (1, 2):
        RunRecord(tmp_path, seed=seed, stores=[store], config={})(engine)
    record = json.loads((tmp_path / "run.json").read_text())
    assert record["seed"] == 2
    assert [earlier["seed"] for earlier in record["earlier"]] == [1]
    assert record["stores"][0] == {"path": str(tmp_path), "digest": "d", "num_studies": 1, "recipe_digests": ["r"]}
