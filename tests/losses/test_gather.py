"""Several ranks: the loss of one big batch on any number of them, and the published sum of blocks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
import torch.multiprocessing as mp
from safetensors.torch import load_file

from itemclip_med.losses import ItemizedCLIPLoss
from itemclip_med.losses.gather import gather_items
from tests.conftest import find_shared
from tests.losses.rank_worker import ToyStep, make_studies, work

FORWARD, GRADIENT = 1e-5, 1e-4
SETTINGS = {"mps": 0.1, "keep_rate": 0.8, "key_share": 0.2}


def global_case(item_counts, num_slots=None, **settings):
    slots = num_slots or [3] * len(item_counts)
    return {
        "run": "global",
        "num_ranks": len(item_counts),
        "item_counts": item_counts,
        "num_slots": slots,
        "settings": SETTINGS | settings,
    }


GLOBAL = {
    "two": global_case([[3, 2], [1, 3]]),
    "two_by_autograd": global_case([[3, 2], [1, 3]], by_study=False),
    "three_uneven": global_case([[3, 2, 1], [2], [1, 3]]),
    "three_other_slots": global_case([[3, 2], [1], [4, 2]], [3, 1, 5], num_items=6),
    "four_one_study_each": global_case([[2], [3], [1], [2]]),
    "four_uneven_missing_items": global_case([[3, 0], [1], [2, 3, 2], [0]], worst_positive_factor=1.0),
    "three_few_negatives": global_case([[3, 2], [1, 3], [2]], max_negatives=2),
    "two_without_global_term": global_case([[3, 2, 2], [1]], mps=None),
    "two_global_term_only": global_case([[3, 2, 2], [1]], ila=None, kta=None, iis=None),
    "two_published_numbers": global_case([[3, 2], [1, 3]], published=True),
}


def find_recorded() -> list[Path]:
    try:
        return sorted(find_shared("golden").glob("loss_dist*.json"))
    except (pytest.skip.Exception, pytest.fail.Exception):
        return []


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What every rank found in every case; one set of processes runs them all."""
    folder = tmp_path_factory.mktemp("ranks")
    cases = dict(GLOBAL)
    cases["refused"] = global_case([[3, 2], [1]], ranks="published") | {"run": "refused"}
    for path in find_recorded():
        ranks = json.loads(path.read_text())["world_size"]
        for by_study in (True, False):
            case = {"run": "recorded", "num_ranks": ranks, "path": str(path), "by_study": by_study}
            cases[f"{path.stem}.{by_study}"] = case
    mp.spawn(work, (cases, str(folder)), nprocs=max(case["num_ranks"] for case in cases.values()))
    return {
        name: [torch.load(folder / f"{name}.{rank}.pt", weights_only=True) for rank in range(case["num_ranks"])]
        for name, case in cases.items()
    }


def relative_error(found, expected):
    return ((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30)).item()


def one_batch(ranks):
    """The studies of all ranks as one batch, slots filled up with padding."""
    slots = max(studies["items"].shape[1] for studies in ranks)
    for studies in ranks:
        missing = slots - studies["items"].shape[1]
        studies["items"] = torch.nn.functional.pad(studies["items"], (0, 0, 0, missing))
        studies["item_mask"] = torch.nn.functional.pad(studies["item_mask"], (0, missing))
    return {name: torch.cat([studies[name] for studies in ranks]) for name in ranks[0]}


@pytest.mark.parametrize("name", GLOBAL)
def test_any_number_of_ranks_has_the_loss_and_gradient_of_one_process(results, name):
    case = GLOBAL[name]
    step = ToyStep(ItemizedCLIPLoss(**case["settings"]))
    expected = step(**one_batch(make_studies(case["item_counts"], case["num_slots"])))
    expected["total"].backward()
    for term in expected:
        mean = torch.stack([found[term] for found in results[name]]).mean()
        assert relative_error(mean, expected[term].detach()) <= FORWARD, term
    reached = {name: value.grad for name, value in step.named_parameters() if value.grad is not None}
    largest = max(gradient.abs().max() for gradient in reached.values())
    for parameter, gradient in reached.items():
        for found in results[name]:
            error = (found[f"grad.{parameter}"] - gradient).abs().max() / largest
            assert error <= FORWARD, parameter


def test_ranks_differ_from_the_loss_of_their_own_studies(results):
    """Guards the test above: a loss that gathers nothing would be another one."""
    case = GLOBAL["two"]
    step = ToyStep(ItemizedCLIPLoss(**case["settings"]))
    alone = [step(**studies)["total"].detach() for studies in make_studies(case["item_counts"], case["num_slots"])]
    together = torch.stack([found["total"] for found in results["two"]]).mean()
    assert relative_error(torch.stack(alone).mean(), together) > 0.01


@pytest.mark.golden
def test_recorded_cases_are_found(shared_dir):
    shared_dir("golden")
    assert find_recorded()


@pytest.mark.golden
@pytest.mark.parametrize("by_study", [True, False])
@pytest.mark.parametrize("path", find_recorded(), ids=lambda path: path.stem)
def test_published_ranks_repeat_recorded_losses_and_gradients(results, path, by_study):
    tensors = load_file(path.with_suffix(".safetensors"))
    for rank, found in enumerate(results[f"{path.stem}.{by_study}"]):
        forward, gradients = {}, {}
        for name, expected in tensors.items():
            kind, _, rest = name.removeprefix(f"rank{rank}.").partition(".")
            if name.startswith(f"rank{rank}.") and kind == "out" and rest.removesuffix("_loss") in found:
                forward[rest] = relative_error(found[rest.removesuffix("_loss")], expected)
            elif name.startswith(f"rank{rank}.") and kind == "grad":
                gradients[rest] = relative_error(found[f"grad.{rest}"], expected)
        assert {"total", "ila_loss", "kta_loss", "mps_loss", "iis_loss"} <= set(forward)
        assert {"image_tokens", "text_features", "visual_attn.attn.in_proj_weight"} <= set(gradients)
        assert max(forward.values()) <= FORWARD, forward
        assert max(gradients.values()) <= GRADIENT, gradients


def test_published_ranks_refuse_unequal_numbers_of_studies(results):
    assert all("ranks bring (2, 1) studies" in found["error"] for found in results["refused"])


def test_without_a_process_group_nothing_is_gathered():
    items, mask, normal = torch.randn(2, 3, 4), torch.ones(2, 3), torch.zeros(2)
    gathered = gather_items(items, mask, normal)
    assert gathered.items is items and gathered.own == slice(0, 2)
