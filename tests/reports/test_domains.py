"""Leave one domain out: its reports are read without any word that only they use."""

from __future__ import annotations

import functools
import gc

import pytest

from itemclip_med.reports import attributes, tokens
from tests.reports.helpers import OWN_REPORTS, STYLES, load_scorer, read_jsonl, score

pytestmark = pytest.mark.reports


def all_rows(folder):
    paths = [*sorted(folder.glob("*.jsonl")), OWN_REPORTS, *STYLES]
    return [row for path in paths for row in read_jsonl(path)]


def forget():
    """Empty every memory of the itemizer, so that changed tables are asked again."""
    for one in gc.get_objects():
        if isinstance(one, functools._lru_cache_wrapper) and str(one.__module__).startswith("itemclip_med.reports"):
            one.cache_clear()


def words_of(rows):
    texts = [row["report"].lower() for row in rows]
    return {token.word for text in texts for token in tokens.tokenize(text, 0, len(text))}


@pytest.fixture(params=["brain_mri", "chest_ct", "head_ct"])
def domain(request, monkeypatch, shared_dir):
    """A domain whose own findings, devices and places are taken out of the tables."""
    rows = all_rows(shared_dir("data/reports"))
    own = words_of([row for row in rows if row["domain"] == request.param])
    own -= words_of([row for row in rows if row["domain"] != request.param])
    own |= {tokens.singular(word) for word in own}
    kept = {word: kind for word, kind in tokens._KINDS.items() if not (word in own and kind in "FEAa")}
    assert len(tokens._KINDS) - len(kept) > 30  # words are really taken out
    monkeypatch.setattr(tokens, "_KINDS", kept)
    concepts = {word: name for word, name in attributes._CONCEPTS.items() if word not in own}
    monkeypatch.setattr(attributes, "_CONCEPTS", concepts)
    forget()
    yield request.param
    monkeypatch.undo()
    forget()


def test_a_domain_is_read_without_the_words_that_only_it_uses(domain, shared_dir):
    folder = shared_dir("data/reports")
    rows = [row for row in all_rows(folder) if row["domain"] == domain]
    result = score(rows, load_scorer(folder))
    print(domain, len(rows), {name: round(value, 3) for name, value in result.items()})
    assert result["item_f1"] >= 0.85
    assert result["status_acc"] >= 0.93
    assert result["normal_acc"] >= 0.9
