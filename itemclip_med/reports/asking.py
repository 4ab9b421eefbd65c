"""Itemize by a language model: batches, second tries, rules where no answer serves, and going on after a stop."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any

from itemclip_med.errors import FormatError
from itemclip_med.reports.answers import Answer, read_answer, to_report
from itemclip_med.reports.itemize import ItemizedReport, itemize
from itemclip_med.reports.language_model import ChatModel, Message
from itemclip_med.reports.readers import ReportRow, one_per_study, read_rows
from itemclip_med.reports.running import ItemizeSummary, record
from itemclip_med.reports.scrubbing import scrub

PLACE = "{report}"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a model is asked: a system message, turns of example, and the question with ``{report}`` in it.

    Attributes:
        parts: of the file, cut at lines of three dashes: the system message, then question and answer in turn.
    """

    parts: tuple[str, ...]

    def messages(self, report: str, complaint: str = "", answer: str = "") -> list[Message]:
        """The conversation about a report.

        Args:
            report: its text.
            complaint: what was wrong with an answer before; "" for the first try.
            answer: that answer.
        """
        roles = ["system", *["user" if number % 2 == 0 else "assistant" for number in range(len(self.parts) - 1)]]
        found = [{"role": role, "content": part} for role, part in zip(roles, self.parts, strict=True)]
        found[-1]["content"] = found[-1]["content"].replace(PLACE, report)
        if complaint:
            found.append({"role": "assistant", "content": answer[:4_000]})
            found.append({"role": "user", "content": f"Wrong: {complaint}. Answer again, with the report's own words."})
        return found


def read_prompt(path: Path | str | None = None) -> Prompt:
    """The shipped prompt, or one's own.

    Args:
        path: a text file; lines of three dashes part the system message, question and answer of examples, and the
            question, which holds ``{report}``.

    Raises:
        FormatError: if the file has no such parts.
    """
    name = Path(path).name if path else "itemize.txt"
    if path:
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FormatError(f"{name} cannot be read as UTF-8 text ({type(error).__name__}).") from error
    else:
        text = resources.files("itemclip_med.reports").joinpath("prompts/itemize.txt").read_text(encoding="utf-8")
    parts = [part.strip() for part in f"\n{text}\n".split("\n---\n")]
    if len(parts) < 2 or len(parts) % 2 or PLACE not in parts[-1] or not all(parts):
        raise FormatError(
            f"{name}: expected a system message, any number of example questions and answers, and a question with "
            f"{PLACE}, parted by lines of ---; found {len(parts)} parts."
        )
    return Prompt(tuple(parts))


@dataclass(slots=True)
class AskedSummary(ItemizeSummary):
    """What became of the rows, and how often the model served.

    Attributes:
        num_done_before: rows that the file held already.
        num_by_model: reports itemized by the model.
        num_rejected: items thrown away because the report lacks their words.
        fallbacks: why reports were itemized by rules, and how many.
    """

    num_done_before: int = 0
    num_by_model: int = 0
    num_rejected: int = 0
    fallbacks: Counter[str] = field(default_factory=Counter)

    def lines(self) -> Iterator[str]:
        """One line for every row without items, then the counts."""
        yield from ItemizeSummary.lines(self)
        yield (
            f"{self.num_by_model} by the model, {self.num_rejected} items rejected, {sum(self.fallbacks.values())} by "
            f"rules instead, {self.num_done_before} done before"
        )
        for reason, number in self.fallbacks.most_common():
            yield f"by rules: {number} reports: {reason}"


@dataclass(frozen=True, slots=True)
class Asking:
    """How a model is asked.

    Attributes:
        prompt: the shipped one without it.
        batch_size: reports at a time.
        retries: further tries for an answer that does not serve.
        collapse_normal: one item for a normal study.
        scrub_identifiers: replace obvious identifiers in items.
    """

    prompt: Prompt = field(default_factory=read_prompt)
    batch_size: int = 8
    retries: int = 1
    collapse_normal: bool = True
    scrub_identifiers: bool = True


def ask_file(
    source: Path | str,
    out: Path | str,
    model: ChatModel,
    asking: Asking | None = None,
    *,
    id_column: str | None = None,
    text_column: str | None = None,
    per_study: bool = False,
) -> AskedSummary:
    """Itemize every report of a source by a model, and append to the file that a stopped run left.

    Args:
        source: as for :func:`itemize_file`.
        out: the JSONL file; ids that it holds are skipped, a torn last line is dropped.
        model: answers the prompts.
        asking: how.
        id_column: of the ids, guessed without it.
        text_column: of the reports, guessed without it.
        per_study: one line for all volumes of a study.

    Returns:
        The summary of this run.

    Raises:
        FormatError: if the source or what stands in ``out`` cannot be read.
    """
    asking, out, summary = asking or Asking(), Path(out), AskedSummary()
    done = drop_torn_line(out)
    seen = set(done)
    rows = iter(read_rows(source, id_column=id_column, text_column=text_column))
    rows = one_per_study(rows) if per_study else rows
    first = list(islice(rows, asking.batch_size))
    with out.open("a", encoding="utf-8", newline="\n") as file:
        while first:
            todo = [row for row in first if row.study_id not in done or row.problem or row.is_repeat]
            summary.num_done_before += len(first) - len(todo)
            for row, result, extra in _ask_rows(todo, model, asking, summary):
                line = record(row, result, summary, seen)
                if line is not None:
                    file.write(json.dumps({**line, **extra}, ensure_ascii=False) + "\n")
            file.flush()
            first = list(islice(rows, asking.batch_size))
    return summary


def drop_torn_line(path: Path) -> set[str]:
    """The ids that a file of items holds; what a killed run left of a last line is cut off.

    Args:
        path: JSONL; need not exist.

    Raises:
        FormatError: if another line cannot be read.
    """
    if not path.exists():
        return set()
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    ids = set()
    for number, line in enumerate(whole.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            ids.add(str(json.loads(line)["id"]))
        except (ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"{path.name}, line {number}: expected an object with an id; move the file away to begin anew."
            ) from error
    return ids


def _ask_rows(
    rows: Sequence[ReportRow], model: ChatModel, asking: Asking, summary: AskedSummary
) -> Iterator[tuple[ReportRow, ItemizedReport | None, dict[str, Any]]]:
    """The rows with their items, in order; texts that stand twice in a batch are asked about once."""
    by_rules = {row.text: itemize(row.text, collapse_normal=asking.collapse_normal) for row in rows if row.text}
    texts = [text for text, result in by_rules.items() if result.reason is None]
    answers = dict(zip(texts, ask(texts, model, asking), strict=True))
    for row in rows:
        if row.text is None:
            yield row, None, {}
            continue
        if row.text not in answers:
            yield row, by_rules.get(row.text) or ItemizedReport(reason="empty"), {}
            continue
        answer, result = answers[row.text], by_rules[row.text]
        extra: dict[str, Any] = {"method": "rules"}
        if answer.problem:
            summary.fallbacks[answer.problem] += 1
            extra["fallback"] = answer.problem
        else:
            result, extra = to_report(answer, collapse_normal=asking.collapse_normal), {"method": "llm"}
            summary.num_by_model += 1
            summary.num_rejected += answer.num_rejected
            if answer.num_rejected:
                extra["rejected"] = answer.num_rejected
        yield row, scrub(result) if asking.scrub_identifiers else result, extra


def ask(texts: Sequence[str], model: ChatModel, asking: Asking) -> list[Answer]:
    """Checked answers about reports; one with a problem did not serve in any try.

    Args:
        texts: usable reports.
        model: answers the prompts.
        asking: how.
    """
    answers: list[Answer] = [Answer(problem="not asked")] * len(texts)
    written = [""] * len(texts)
    for attempt in range(asking.retries + 1):
        left = [number for number, answer in enumerate(answers) if answer.problem]
        if not left:
            break
        chats = [
            asking.prompt.messages(texts[number], answers[number].problem if attempt else "", written[number])
            for number in left
        ]
        for number, text in zip(left, model.answer(chats), strict=True):
            written[number], answers[number] = text, _checked(text, texts[number])
    return answers


def _checked(text: str, report: str) -> Answer:
    answer = read_answer(text, report)
    if not answer.problem and not answer.items:
        return replace(answer, problem="no item of the answer stands in the report")
    return answer
