"""Itemizing by a language model: recorded answers for the logic, a tiny random model for the plumbing."""

# ruff: noqa: E501  (one example a line)
from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from click.testing import CliRunner

from itemclip_med.cli.main import main
from itemclip_med.errors import FormatError, ModelError
from itemclip_med.reports.answers import ANSWER_SCHEMA, read_answer, to_report
from itemclip_med.reports.asking import Asking, Prompt, ask_file, read_prompt
from itemclip_med.reports.grammar import DONE, START, TokenTable, walk
from tests.reports.helpers import read_jsonl

REPORT = "FINDINGS: Emphysema and a 6 mm nodule in the right upper lobe. No pleural effusion or pneumothorax."
GOOD = (
    '{"items": [{"text": "Emphysema", "status": "present"}, {"text": "a 6 mm nodule in the right upper lobe", '
    '"status": "present"}, {"text": "No pleural effusion", "status": "absent"}, {"text": "No pneumothorax", '
    '"status": "absent"}]}'
)

SHORT = Prompt(("You cut reports.", "Report: {report}"))


class Recorded:
    """Answers in turn, and what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.asked = list(answers), []

    def answer(self, conversations: Sequence[Sequence[dict[str, str]]]) -> list[str]:
        self.asked.append(list(conversations))
        return [self.answers.pop(0) for _ in conversations]


def write_rows(path, *reports):
    path.write_text("".join(json.dumps({"id": f"s{n}", "report": text}) + "\n" for n, text in enumerate(reports)))
    return path


def test_a_good_answer_is_read_with_the_places_of_its_words():
    answer = read_answer(f"Sure! {GOOD} Anything else?", REPORT)
    assert (answer.problem, answer.num_rejected) == ("", 0)
    assert [item.text for item in answer.items][1] == "a 6 mm nodule in the right upper lobe"
    for item in answer.items:
        said = " ".join(REPORT[start:end] for start, end in item.spans)
        assert said.lower().split() == item.text.lower().split()


@pytest.mark.parametrize(
    "text",
    ["Cardiomegaly", "a 7 mm nodule in the right upper lobe", "a 6 mm nodule in the left upper lobe", "the of", "",
     "Emphysema and emphysema"],
)  # fmt: skip
def test_an_item_with_words_that_the_report_lacks_is_rejected(text):
    answer = json.dumps({"items": [{"text": "Emphysema", "status": "present"}, {"text": text, "status": "present"}]})
    found = read_answer(answer, REPORT)
    assert [item.text for item in found.items] == ["Emphysema"]
    assert found.num_rejected == 1


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ("I cannot help.", "no JSON object"), ('{"items": [{"text": "Emphy', "no complete JSON"), ('{"items": 3}', "no list"),
        ('{"items": [], "more": 1}', "no list"), ('{"items": [{"text": "Emphysema"}]}', 'needs "text" and "status"'),
        ('{"items": [{"text": "Emphysema", "status": "maybe"}]}', "status is none of"), ('{"items": ["Emphysema"]}', "item 1 needs"),
        ('{"items": [{"text": "Mass", "status": "present"}]}', "1 of 1 items hold words"), ('{"items": ' + "[" * 100_000, "no complete"),
    ],
)  # fmt: skip
def test_an_answer_outside_the_schema_is_told_what_is_wrong(answer, problem):
    assert problem in read_answer(answer, REPORT).problem


def test_a_status_that_rules_read_otherwise_is_less_sure():
    said = read_answer('{"items": [{"text": "No pneumothorax", "status": "present"}]}', REPORT)
    agreed = read_answer('{"items": [{"text": "No pneumothorax", "status": "absent"}]}', REPORT)
    assert said.items[0].confidence < agreed.items[0].confidence


def test_a_normal_study_has_one_item():
    report = "Lungs are clear. Normal chest CT."
    values = {"items": [{"text": t, "status": "normal"} for t in ("Lungs are clear", "Normal chest CT")]}
    result = to_report(read_answer(json.dumps(values), report))
    assert ([item.text for item in result.items], result.is_normal) == (["Normal chest CT"], True)


def test_a_file_is_itemized_and_says_by_what(tmp_path):
    source = write_rows(tmp_path / "r.jsonl", REPORT, "", REPORT + " Rib fracture.")
    summary = ask_file(source, tmp_path / "i.jsonl", Recorded(GOOD, "no", "still no"))
    rows = read_jsonl(tmp_path / "i.jsonl")
    assert [row.get("method") for row in rows] == ["llm", None, "rules"]
    assert rows[1]["reason"] == "empty"
    assert rows[2]["fallback"].startswith("no JSON object")
    assert "Rib fracture" in [item["text"] for item in rows[2]["items"]]
    assert (summary.num_by_model, sum(summary.fallbacks.values())) == (1, 1)
    assert any(line.startswith("by rules: 1 reports: no JSON") for line in summary.lines())


def test_a_second_try_hears_what_was_wrong(tmp_path):
    model = Recorded("no", GOOD)
    ask_file(write_rows(tmp_path / "r.jsonl", REPORT), tmp_path / "i.jsonl", model)
    again = model.asked[1][0]
    assert [message["role"] for message in again[-2:]] == ["assistant", "user"]
    assert "no JSON object" in again[-1]["content"]
    assert read_jsonl(tmp_path / "i.jsonl")[0]["method"] == "llm"


def test_no_try_beyond_those_allowed(tmp_path):
    model = Recorded("no")
    ask_file(write_rows(tmp_path / "r.jsonl", REPORT), tmp_path / "i.jsonl", model, Asking(retries=0))
    assert len(model.asked) == 1


def test_texts_that_repeat_in_a_batch_are_asked_about_once(tmp_path):
    model = Recorded(GOOD)
    ask_file(write_rows(tmp_path / "r.jsonl", REPORT, REPORT, REPORT), tmp_path / "i.jsonl", model)
    assert len(model.asked[0]) == 1
    assert [len(row["items"]) for row in read_jsonl(tmp_path / "i.jsonl")] == [4, 4, 4]


def test_a_stopped_run_goes_on(tmp_path):
    reports = [f"{REPORT} Cyst of {number} mm." for number in range(4)]
    source, out = write_rows(tmp_path / "r.jsonl", *reports), tmp_path / "i.jsonl"
    with pytest.raises(IndexError):  # the recorded answers end: the run is killed
        ask_file(source, out, Recorded(GOOD, GOOD), Asking(batch_size=1))
    whole = out.read_bytes()
    out.write_bytes(whole + b'{"id": "s2", "ite')
    model = Recorded(GOOD, GOOD)
    summary = ask_file(source, out, model, Asking(batch_size=1))
    assert [row["id"] for row in read_jsonl(out)] == ["s0", "s1", "s2", "s3"]
    assert out.read_bytes().startswith(whole)
    assert (summary.num_done_before, len(model.asked)) == (2, 2)


def test_a_file_of_something_else_is_not_appended_to(tmp_path):
    out = tmp_path / "i.jsonl"
    out.write_text("hello\n")
    with pytest.raises(FormatError, match="line 1"):
        ask_file(write_rows(tmp_path / "r.jsonl", REPORT), out, Recorded(GOOD))
    assert out.read_text() == "hello\n"


def test_identifiers_are_scrubbed(tmp_path):
    report = "Nodule of 6 mm since 03/02/2018 in the lingula."
    answer = json.dumps({"items": [{"text": "Nodule of 6 mm since 03/02/2018 in the lingula", "status": "present"}]})
    ask_file(write_rows(tmp_path / "r.jsonl", report), tmp_path / "i.jsonl", Recorded(answer))
    assert "2018" not in (tmp_path / "i.jsonl").read_text()


def test_the_shipped_prompt_shows_a_good_example():
    prompt = read_prompt()
    roles = [message["role"] for message in prompt.messages("X")]
    assert roles == ["system", "user", "assistant", "user"]
    assert read_answer(prompt.parts[2], prompt.parts[1]).num_rejected == 0
    assert walk(START, prompt.parts[2]) == DONE
    assert prompt.messages("the text")[-1]["content"] == "Report:\nthe text"


def test_braces_in_a_report_stay_as_they_are():
    assert Prompt(("s", "say {report}")).messages("{report} {x}")[-1]["content"] == "say {report} {x}"


@pytest.mark.parametrize("text", ["", "only a system message", "s\n---\nno place", "s\n---\nq\n---\na {report}"])
def test_a_prompt_without_its_parts_is_refused(text, tmp_path):
    (tmp_path / "p.txt").write_text(text)
    with pytest.raises(FormatError, match=r"p\.txt: expected a system message"):
        read_prompt(tmp_path / "p.txt")


@pytest.mark.parametrize("answer", [GOOD, '{"items": []}', r'{"items": [{"text": "a \"b\"", "status": "normal"}]}'])
def test_the_automaton_takes_what_the_schema_takes(answer):
    from jsonschema import validate

    assert walk(START, answer) == DONE
    validate(json.loads(answer), ANSWER_SCHEMA)


@pytest.mark.parametrize(
    "answer",
    ['{"items": [}', '{"items": [{"text": "", "status": "normal"}]}', '{"items": [{"text": "a", "status": "odd"}]}', "[]",
     '{"items": []} ', '{"items": [{"text": "a\nb", "status": "normal"}]}', '{"items": [{"status": "normal"}]}'],
)  # fmt: skip
def test_the_automaton_takes_nothing_else(answer):
    assert walk(START, answer) is None


def test_allowed_tokens_are_those_whose_every_character_may_come():
    texts = ["{", '{"items', '{"items": []}', '"', "x", '{"items": [{"text": "', "present", "pre", "", "<end>"]
    table = TokenTable(texts, [9])
    assert table.allowed(START) == (0, 1, 2, 5)
    assert table.allowed(walk(START, '{"items": [{"text": "x", "status": "')) == (6, 7)
    assert table.allowed(DONE) == (9,)


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    """A random Llama of 60 thousand weights with a byte-level vocabulary."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=["<end>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([REPORT, GOOD] * 10, trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>")
    fast.chat_template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}[assistant] "
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=4096, eos_token_id=0, bos_token_id=None,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def test_a_random_model_cannot_leave_the_schema(tiny_model):
    from itemclip_med.reports.language_model import LocalChatModel

    model = LocalChatModel(tiny_model, device="cpu", max_new_tokens=24)
    chats = [SHORT.messages(REPORT), SHORT.messages("Rib fracture.")]
    answers = model.answer(chats)
    assert len(answers) == 2
    assert all(walk(START, answer) is not None and answer.startswith('{"items": [') for answer in answers)
    assert model.answer(chats) == answers


def test_scores_that_want_the_end_give_a_whole_answer(tiny_model):
    import torch

    from itemclip_med.reports.language_model import LocalChatModel, SchemaLogits

    model = LocalChatModel(tiny_model, device="cpu")
    ids = torch.zeros((2, 3), dtype=torch.long)
    logits, wanted = SchemaLogits(model._table, 3), torch.zeros(2, len(model._table._texts))
    for number, text in enumerate(model._table._texts):
        wanted[0, number] = 5 * ("]" in text)
        wanted[1, number] = 5 * (text == '"') + 3 * text.startswith("pre") + 2 * (text == "{") + ("]" in text)
    for _ in range(60):
        ids = torch.cat([ids, logits(ids, wanted).argmax(dim=1, keepdim=True)], dim=1)
    first, second = model.tokenizer.batch_decode(ids[:, 3:], skip_special_tokens=True)
    assert json.loads(first) == {"items": []}
    assert json.loads(second)["items"][0]["status"] == "present"


def test_the_command_asks_a_model_and_falls_back(tiny_model, tmp_path):
    source, out = write_rows(tmp_path / "r.jsonl", REPORT, "Lungs are clear."), tmp_path / "i.jsonl"
    arguments = ["reports", "itemize", str(source), "-o", str(out), "--method", "llm", "--model", str(tiny_model),
                 "--device", "cpu", "--max-new-tokens", "16", "--retries", "0"]  # fmt: skip
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "2 by rules instead" in done.output
    assert [row["method"] for row in read_jsonl(out)] == ["rules", "rules"]
    assert "2 done before" in CliRunner().invoke(main, arguments).output


def test_what_is_no_model_is_refused_in_one_line(tmp_path):
    from itemclip_med.reports.language_model import LocalChatModel

    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be loaded as a chat model"):
        LocalChatModel(tmp_path, device="cpu")


@pytest.mark.parametrize("arguments", [["--method", "llm"], ["--model", "x"]])
def test_method_and_model_go_together(arguments, tmp_path):
    source = write_rows(tmp_path / "r.jsonl", REPORT)
    done = CliRunner().invoke(main, ["reports", "itemize", str(source), "-o", str(tmp_path / "o"), *arguments])
    assert done.exit_code == 2
    assert "--method llm needs --model" in done.output


def test_the_prompt_that_is_printed_can_be_given_back(tmp_path):
    done = CliRunner().invoke(main, ["reports", "prompt"])
    (tmp_path / "p.txt").write_text(done.output)
    assert read_prompt(tmp_path / "p.txt") == read_prompt()
