"""Every study is encoded once; prompts, restarts and other models come after."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors import safe_open

from itemclip_med.cli.main import main
from itemclip_med.errors import LabelsError, TaskError
from itemclip_med.models import ItemizedCLIP, StudyEncoding
from itemclip_med.records import Series, Study
from itemclip_med.store import Store, StoreWriter
from itemclip_med.transforms import ModelInput
from itemclip_med.zeroshot import EmbeddingCache, EngineOptions, load_plugin, load_task, run_task, score_store
from itemclip_med.zeroshot.embeddings import model_digest
from itemclip_med.zeroshot.few_shot import probe_finding, probe_store
from itemclip_med.zeroshot.report_check import check_report
from itemclip_med.zeroshot.search import retrieval_of, retrieve_items, search_store
from itemclip_med.zeroshot.tables import read_scores

AFFINE = ((-4.0, 0.0, 0.0, 64.0), (0.0, 4.0, 0.0, -64.0), (0.0, 0.0, 8.0, 0.0), (0.0, 0.0, 0.0, 1.0))
QUIET = {"show_progress": False}
QUICK = {"num_bootstraps": 100, "num_permutations": 0}
TASK = load_task("cq500-10")


@pytest.fixture(scope="module")
def model():
    return ItemizedCLIP.from_pretrained("head_ct_phantom")


@pytest.fixture
def store(tmp_path):
    """Twelve studies of one or two series; odd ones are brighter and have a bleed, which the report tells."""
    with StoreWriter(tmp_path / "s") as writer:
        for number in range(12):
            random = np.random.default_rng(number)
            bleeds = number % 2
            arrays = [
                random.integers(0, 30 + 40 * bleeds, (32, 32, 16), dtype=np.int16) for _ in range(1 + number % 3 // 2)
            ]
            series = tuple(
                Series(name, "", (1, 1, 1), (4.0, 4.0, 8.0), AFFINE, "CT", "int16")
                for name in ("AX_THICK", "AX_THIN")[: len(arrays)]
            )
            labels = dict.fromkeys(TASK.names, bleeds)
            writer.add(Study(f"CQ500-CT-{number}", series, labels=labels, source_digest=str(number)), arrays)
    return Store(tmp_path / "s")


def counted(monkeypatch, model):
    """How many studies the model encodes from now on."""
    seen = []
    encode = model.encode_study

    def encode_study(images, *rest, **named):
        seen.append(len(images))
        return encode(images, *rest, **named)

    monkeypatch.setattr(model, "encode_study", encode_study)
    return seen


def test_scores_do_not_depend_on_batches_or_the_cache(store, model, tmp_path):
    alone, _ = score_store(store, TASK, model, engine=EngineOptions(batch_size=1, **QUIET))
    cache = EmbeddingCache(tmp_path / "e")
    for engine in (
        EngineOptions(batch_size=5, **QUIET),
        EngineOptions(batch_size=5, embeddings=cache, **QUIET),
        EngineOptions(embeddings=cache, **QUIET),
    ):
        scores, unreadable = score_store(store, TASK, model, engine=engine)
        assert not unreadable
        for study_id, row in alone.items():
            assert scores[study_id] == pytest.approx(row, abs=1e-6)


def test_new_prompts_encode_no_study_again(store, model, tmp_path, monkeypatch):
    engine = EngineOptions(embeddings=EmbeddingCache(tmp_path / "e"), **QUIET)
    seen = counted(monkeypatch, model)
    score_store(store, TASK, model, engine=engine)
    assert sum(seen) == 12
    search_store(store, "a fracture of the skull", model, engine=engine)
    score_store(store, load_task("rsna6"), model, engine=engine)
    assert sum(seen) == 12


def test_another_model_or_a_study_made_anew_is_encoded_again(store, model, tmp_path, monkeypatch):
    engine = EngineOptions(embeddings=EmbeddingCache(tmp_path / "e"), **QUIET)
    score_store(store, TASK, model, engine=engine)
    other = ItemizedCLIP.from_pretrained("head_ct_phantom")
    with torch.no_grad():
        other.visual_proj.weight += 0.01
    seen = counted(monkeypatch, other)
    first, _ = score_store(store, TASK, other, engine=engine)
    assert sum(seen) == 12
    plain, _ = score_store(store, TASK, other, engine=EngineOptions(**QUIET))
    assert first["CQ500-CT-3"] == pytest.approx(plain["CQ500-CT-3"], abs=1e-6)
    cache, digest, study = engine.embeddings, model_digest(other), store.studies[3]
    assert cache.read(digest, replace(study, labels={}, split="test")) is not None
    assert cache.read(digest, replace(study, source_digest="new")) is None
    assert cache.read(digest, replace(study, recipe_digest="new")) is None


def test_a_damaged_embedding_is_made_anew(store, model, tmp_path, monkeypatch):
    engine = EngineOptions(embeddings=EmbeddingCache(tmp_path / "e", "float16"), **QUIET)
    score_store(store, TASK, model, engine=engine)
    files = sorted((tmp_path / "e").rglob("*.safetensors"))
    assert len(files) == 12
    files[0].write_bytes(files[0].read_bytes()[:100])
    files[1].write_bytes(b"")
    seen = counted(monkeypatch, model)
    half, _ = score_store(store, TASK, model, engine=engine)
    assert sum(seen) == 2
    whole, _ = score_store(store, TASK, model, engine=EngineOptions(**QUIET))
    assert all(half[key] == pytest.approx(row, abs=2e-3) for key, row in whole.items())


def test_negative_prompts_are_taken_off(store, model, tmp_path):
    (tmp_path / "p.yaml").write_text(
        "SDH: {prompts: [subdural hematoma, subdural hemorrhage], negative_prompts: [normal brain]}\n"
        "EDH: normal brain\n"
    )
    asked, _ = score_store(store, TASK.with_prompts(tmp_path / "p.yaml"), model, engine=EngineOptions(**QUIET))
    (tmp_path / "p.yaml").write_text("SDH: [subdural hematoma, subdural hemorrhage]\n")
    plain, _ = score_store(store, TASK.with_prompts(tmp_path / "p.yaml"), model, engine=EngineOptions(**QUIET))
    for key, row in asked.items():
        assert row["SDH"] == pytest.approx(plain[key]["SDH"] - row["EDH"], abs=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SDH: {negative_prompts: [x]}\n", "expected prompts and perhaps negative_prompts"),
        ("SDH: {prompts: [x], negatives: [y]}\n", "expected prompts and perhaps negative_prompts"),
        ("SDH: {prompts: [x], negative_prompts: [' ']}\n", "a prompt is empty"),
    ],
)
def test_wrong_negative_prompts_are_refused(tmp_path, text, message):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(TaskError, match=message):
        TASK.with_prompts(tmp_path / "p.yaml")


def test_a_stopped_run_goes_on_where_it_was(store, model, tmp_path, monkeypatch):
    whole = run_task(store, TASK, model, tmp_path / "whole", engine=EngineOptions(**QUIET), **QUICK)
    encode, done = model.encode_study, []

    def failing(images, *rest, **named):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(len(images))
        return encode(images, *rest, **named)

    monkeypatch.setattr(model, "encode_study", failing)
    with pytest.raises(KeyboardInterrupt):
        run_task(store, TASK, model, tmp_path / "out", engine=EngineOptions(batch_size=2, **QUIET), **QUICK)
    part = tmp_path / "out" / "scores.part0.jsonl"
    part.write_text(part.read_text() + '{"study_id": "torn')
    monkeypatch.setattr(model, "encode_study", encode)
    seen = counted(monkeypatch, model)
    result = run_task(store, TASK, model, tmp_path / "out", engine=EngineOptions(**QUIET), **QUICK)
    assert sum(seen) == 12 - 6
    assert result["mean"]["auc"] == whole["mean"]["auc"]
    assert not list((tmp_path / "out").glob("*.part*"))


def test_scores_of_other_prompts_are_not_taken_up(store, model, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    line = {"study_id": "CQ500-CT-0", "scores": dict.fromkeys(TASK.names, 9.0)}
    (tmp_path / "out" / "scores.part0.jsonl").write_text('{"key": "other"}\n' + json.dumps(line) + "\n")
    run_task(store, TASK, model, tmp_path / "out", engine=EngineOptions(**QUIET), **QUICK)
    assert read_scores(tmp_path / "out" / "scores.csv", TASK)["CQ500-CT-0"]["ICH"] < 1


def test_attention_of_each_prompt_is_kept_on_demand(store, model, tmp_path):
    score_store(store, TASK, model, engine=EngineOptions(attention_dir=tmp_path / "a", **QUIET))
    files = sorted((tmp_path / "a").glob("*.safetensors"))
    assert len(files) == 12
    with safe_open(str(files[0]), framework="pt") as file:
        prompts = json.loads(file.metadata()["prompts"])
        weights = file.get_tensor("attention")
    assert prompts == [prompt for finding in TASK.findings for prompt in finding.prompts]
    assert weights.shape[0] == len(prompts) and weights.dim() == 5
    assert 0 < float(weights[0].float().sum()) <= 1.01


def test_a_store_of_another_modality_is_refused(store, tmp_path):
    done = run("zeroshot", "run", store.root, "--task", "pubbrain5", "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert "The store holds CT series, task pubbrain5 is of MR" in " ".join(done.output.split())


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def snippet(repo_dir):
    """The plug-in of the docs page, with its length."""
    text = (repo_dir / "docs/how-to/evaluate.md").read_text()
    return re.search(r"```python\n(# mymodel\.py\n.*?)```", text, re.S)[1]


def test_the_docs_plug_in_runs_in_the_same_evaluator(store, repo_dir, tmp_path, monkeypatch):
    code = snippet(repo_dir)
    assert len(code.splitlines()) <= 40
    (tmp_path / "mymodel.py").write_text(code)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mymodel", raising=False)
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry != str(tmp_path)])
    done = run(
        "zeroshot", "run", store.root, "--task", "cq500-10", "--plugin", "mymodel:Brightness", "-o", "out",
        "--embeddings", "e", "--bootstraps", 100,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    result = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert result["mean"]["auc"] == 1.0  # studies with a bleed were made brighter
    assert len(list((tmp_path / "e").rglob("*.safetensors"))) == 12
    assert "trained on phantoms" not in done.output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "expected module:attribute"),
        ("no_such_module_here:X", "no module no_such_module_here"),
        ("json:Nothing", "json has no Nothing"),
        ("builtins:dict", "lacks encode_study, encode_text, score"),
    ],
)
def test_what_is_no_plug_in_is_refused(store, tmp_path, name, message):
    done = run("zeroshot", "run", store.root, "--task", "cq500-10", "--plugin", name, "-o", tmp_path / "out")
    assert done.exit_code == 2
    assert message in " ".join(done.output.split())


class Plain:
    """A plug-in whose encodings only it can read, and which says wrong things on demand."""

    preprocessing = ModelInput(grid=(8, 16, 16), windows_hu={"brain": (40, 80)}).to_dict()

    def __init__(self, answer=None):
        self.answer = answer

    def encode_study(self, images, series_names, series_mask):
        return [image.mean() for image in images]

    def encode_text(self, texts):
        return list(texts)

    def score(self, study, prompts):
        if self.answer is not None:
            return self.answer
        return torch.stack(study)[:, None].expand(-1, len(prompts))


def test_encodings_that_only_the_model_can_read_are_scored_in_batches(store):
    scores, _ = score_store(store, TASK, Plain(), engine=EngineOptions(batch_size=5, **QUIET))
    assert len(scores) == 12
    assert scores["CQ500-CT-1"]["ICH"] > scores["CQ500-CT-0"]["ICH"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Plain(torch.zeros(1, 2)), r"gives scores \(1, 2\), expected"),
        (object(), "object lacks encode_study"),
    ],
)
def test_a_model_that_answers_wrongly_is_refused(store, model, message):
    with pytest.raises(TaskError, match=message):
        score_store(store, TASK, model, engine=EngineOptions(**QUIET))


def test_embeddings_of_a_model_without_a_name_are_refused(store, tmp_path):
    with pytest.raises(TaskError, match="has no digest"):
        score_store(store, TASK, Plain(), engine=EngineOptions(embeddings=EmbeddingCache(tmp_path), **QUIET))


def test_scores_that_are_not_finite_are_refused(store):
    num = sum(len(finding.prompts) for finding in TASK.findings)
    with pytest.raises(TaskError, match="not finite"):
        score_store(store, TASK, Plain(torch.full((8, num), torch.nan)), engine=EngineOptions(**QUIET))


def test_search_ranks_studies_by_the_mean_of_the_wordings(store, model):
    words = ("subdural hematoma", "epidural hematoma")
    hits = search_store(store, words, model, engine=EngineOptions(**QUIET))
    expected = {}
    for word in words:
        for hit in search_store(store, word, model, engine=EngineOptions(**QUIET)):
            expected[hit.study_id] = expected.get(hit.study_id, 0) + hit.score / 2
    assert [hit.study_id for hit in hits] == sorted(expected, key=lambda key: -expected[key])
    assert [hit.rank for hit in hits] == list(range(1, 13))
    assert (hits[0].percentile, hits[-1].percentile) == (100, 0)
    done = run("zeroshot", "search", store.root, *words, "--top", 2, "--json")
    assert [hit["study_id"] for hit in json.loads(done.output)] == [hit.study_id for hit in hits[:2]]
    with pytest.raises(TaskError, match="a prompt is empty"):
        search_store(store, " ", model)


def test_retrieval_counts_a_shared_text_as_found_with_any_of_its_studies():
    scores = np.array([[0.9, 0.1, 0.2], [0.8, 0.7, 0.2], [0.1, 0.2, 0.2]])
    own = np.array([[True, False, False], [True, True, False], [False, False, True]])
    found = retrieval_of(scores, own)
    # Texts: the first finds study 0; the second study 1; of the third all are equal, which counts against it.
    assert found["text_to_image"]["recall@1"] == pytest.approx(2 / 3)
    assert found["text_to_image"]["mean_rank"] == pytest.approx((1 + 1 + 3) / 3)
    # Studies: 0 and 1 find a text of theirs first; 2 finds its own with an equal one beside it.
    assert found["image_to_text"]["mean_rank"] == pytest.approx((1 + 1 + 2) / 3)
    assert found["mean_lowest_score"] == pytest.approx((0.9 + 0.7 + 0.2) / 3)
    with pytest.raises(TaskError, match="without a text"):
        retrieval_of(scores, np.zeros_like(own))


@pytest.fixture
def store_with_items(store):
    lines = [
        {
            "id": f"CQ500-CT-{number}",
            "items": [
                {"text": "Subdural hematoma", "status": "present", "finding": "SDH"} if number % 2
                else {"text": "Ventricles are normal", "status": "normal"},
                {"text": "No fracture", "status": "absent"},
                {"text": f"Focus of blood measuring {number} mm", "status": "uncertain"},
            ],
            "is_normal": False,
        }
        for number in range(12)
    ]  # fmt: skip
    path = store.root.parent / "items.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run("reports", "merge", path, store.root).exit_code == 0
    return Store(store.root)


def test_items_are_asked_of_every_study(store_with_items, model):
    found = retrieve_items(store_with_items, model, engine=EngineOptions(**QUIET))
    assert (found["num_studies"], found["num_texts"]) == (12, 13)
    assert set(found["text_to_image"]) >= {"recall@1", "recall@5", "median_rank"}


def test_a_report_is_checked_item_by_item(store_with_items):
    found = check_report(store_with_items, "CQ500-CT-11", Plain(), TASK, engine=EngineOptions(**QUIET))
    assert found["num_compared"] == 11
    verdicts = {item["text"]: item["verdict"] for item in found["items"]}
    assert verdicts["No fracture"] is None
    assert verdicts["Subdural hematoma"] in ("supported", "unclear")
    brightest = search_store(store_with_items, "blood", Plain(), top=1, engine=EngineOptions(**QUIET))[0].study_id
    found = check_report(store_with_items, brightest, Plain(), TASK, engine=EngineOptions(**QUIET))
    assert found["items"][0]["verdict"] == "supported"
    missed = {entry["finding"] for entry in found["missed"]}
    assert {"IVH", "MassEffect"} <= missed and "SDH" not in missed
    dark = check_report(store_with_items, "CQ500-CT-0", Plain(), TASK, engine=EngineOptions(**QUIET))
    assert dark["missed"] == []
    assert {item["verdict"] for item in dark["items"]} == {None, "not supported"}


def test_a_study_without_items_cannot_be_checked(store, model):
    with pytest.raises(LabelsError, match="has no items: join its report"):
        check_report(store, "CQ500-CT-1", model, TASK)


def test_a_probe_learns_what_the_embedding_holds_and_nothing_else():
    random = np.random.default_rng(0)
    labels = (random.random(200) < 0.4).astype(float)
    features = random.normal(size=(200, 16))
    features[:, 0] += 3 * labels
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    patients = [f"p{i}" for i in range(200)]
    found = probe_finding(features, labels, patients, shots=16, repeats=5, seed=0)
    assert found["linear"] > 0.85 and found["knn"] > 0.75
    chance = probe_finding(features, random.permutation(labels), patients, shots=16, repeats=5, seed=0)
    assert abs(chance["linear"] - 0.5) < 0.12
    assert probe_finding(features, labels, patients, shots=100, repeats=1, seed=0) is None


def test_nobody_learns_from_a_patient_who_is_tested():
    # Both studies of a patient are alike, and labels are chance: only memory of the patient could help.
    random = np.random.default_rng(1)
    features = np.repeat(random.normal(size=(60, 32)), 2, axis=0)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    labels = np.repeat(random.integers(0, 2, 60), 2).astype(float)
    patients = np.repeat([f"p{i}" for i in range(60)], 2).tolist()
    found = probe_finding(features, labels, patients, shots=30, repeats=10, seed=0)
    assert abs(found["knn"] - 0.5) < 0.15


def test_a_probe_over_a_store(store, model):
    found = probe_store(store, TASK, model, shots=(2,), repeats=2, engine=EngineOptions(**QUIET))
    assert set(found["2"]) == set(TASK.names)
    assert 0 <= found["2"]["ICH"]["linear"] <= 1
    with pytest.raises(TaskError, match="no embedding of a whole study"):
        probe_store(store, TASK, Plain(), engine=EngineOptions(**QUIET))


def test_a_study_encoding_is_rebuilt_as_it_was(tmp_path):
    study = Study("a", ())
    encoding = StudyEncoding(torch.randn(1, 4), torch.randn(1, 6, 4), (1, 2, 3), 1)
    cache = EmbeddingCache(tmp_path)
    cache.write("digest", study, encoding)
    found = cache.read("digest", study)
    assert torch.equal(found.tokens, encoding.tokens) and torch.equal(found.global_, encoding.global_)
    assert (found.grid, found.num_series, found.token_mask) == ((1, 2, 3), 1, None)
    assert cache.read("other", study) is None
    with pytest.raises(TaskError, match="expected float32 or float16"):
        EmbeddingCache(tmp_path, "int8")


@pytest.mark.long
def test_two_processes_share_one_evaluation(store, model, tmp_path):
    alone = run_task(store, TASK, model, tmp_path / "alone", engine=EngineOptions(**QUIET))
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29613",
        "-m", "itemclip_med.cli.main", "zeroshot", "run", str(store.root), "--task", "cq500-10", "-o",
        str(tmp_path / "both"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr[-2000:]
    both = json.loads((tmp_path / "both" / "metrics.json").read_text())
    assert both["mean"] == alone["mean"]
    assert (tmp_path / "both" / "scores.csv").read_text() == (tmp_path / "alone" / "scores.csv").read_text()


def test_load_plugin_takes_an_object_as_it_is(monkeypatch):
    import types

    module = types.ModuleType("made_here")
    module.ready = Plain()
    monkeypatch.setitem(sys.modules, "made_here", module)
    assert load_plugin("made_here:ready") is module.ready
