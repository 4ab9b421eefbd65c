"""A local chat model through transformers: held to the schema, the same answer each time."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from itemclip_med.errors import ModelError
from itemclip_med.reports.grammar import DONE, START, State, TokenTable

if TYPE_CHECKING:
    import torch

Message = dict[str, str]


class ChatModel(Protocol):
    """Anything that answers conversations."""

    def answer(self, conversations: Sequence[Sequence[Message]]) -> list[str]:
        """One answer a conversation.

        Args:
            conversations: messages with ``role`` and ``content``, the last one the user's.
        """


class LocalChatModel:
    """A causal language model by folder or hub id.

    Weights are read from safetensors only, and no code of a model folder is run. Decoding is greedy, so that the same
    report gives the same items; every token is held to the JSON schema of items.

    Args:
        model: folder or hub id.
        device: "cpu", "cuda", …; "auto" takes a GPU where there is one, and spreads the weights over several (and over
            main memory) where the extra ``llm`` is installed.
        max_new_tokens: length of an answer; a longer one is cut off and counts as none.

    Raises:
        ModelError: if it cannot be loaded; says why.
    """

    def __init__(self, model: str | Path, *, device: str = "auto", max_new_tokens: int = 2048) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        spread = device == "auto" and torch.cuda.is_available() and find_spec("accelerate") is not None
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(
                str(model), trust_remote_code=False, padding_side="left"
            )
            self.model: Any = AutoModelForCausalLM.from_pretrained(
                str(model),
                trust_remote_code=False,
                use_safetensors=True,
                dtype="auto",
                **({"device_map": "auto"} if spread else {}),
            )
            self.model = (self.model if spread else self.model.to(chosen)).eval()  # type: ignore[arg-type]
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ModelError(
                f"{model} cannot be loaded as a chat model ({type(error).__name__}: {reason}): expected a folder "
                "or hub id with config.json, safetensors weights and a tokenizer."
            ) from error
        self.max_new_tokens = max_new_tokens
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token_id = self._end_ids()[0]
        self._table = TokenTable(token_texts(self.tokenizer), self._end_ids())

    def _end_ids(self) -> list[int]:
        ids = self.model.generation_config.eos_token_id
        ids = ids if isinstance(ids, list) else [ids]
        found = [one for one in (*ids, self.tokenizer.eos_token_id) if one is not None]
        if not found:
            raise ModelError("The chat model has no end-of-text token: set eos_token in its tokenizer_config.json.")
        return list(dict.fromkeys(found))

    def answer(self, conversations: Sequence[Sequence[Message]]) -> list[str]:
        """One answer a conversation, all in one batch.

        Args:
            conversations: messages with ``role`` and ``content``, the last one the user's.
        """
        import torch
        from transformers import LogitsProcessorList

        batch = self.tokenizer([self._text(one) for one in conversations], return_tensors="pt", padding=True,
                               add_special_tokens=self.tokenizer.chat_template is None)  # fmt: skip
        batch = {name: value.to(self.model.device) for name, value in batch.items() if name != "token_type_ids"}
        length = batch["input_ids"].shape[1]
        room = getattr(self.model.config, "max_position_embeddings", None)
        new = self.max_new_tokens if room is None else min(self.max_new_tokens, room - length)
        if new < 1:
            return [""] * len(conversations)
        with torch.inference_mode():
            ids = self.model.generate(
                **batch, max_new_tokens=new, do_sample=False, num_beams=1, temperature=None, top_p=None, top_k=None,
                pad_token_id=self.tokenizer.pad_token_id, eos_token_id=list(self._table.end_ids),
                logits_processor=LogitsProcessorList([SchemaLogits(self._table, length)]),
            )  # fmt: skip
        texts: list[str] = self.tokenizer.batch_decode(ids[:, length:], skip_special_tokens=True)
        return texts

    def _text(self, messages: Sequence[Message]) -> str:
        if self.tokenizer.chat_template is not None:
            text: str = self.tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=True)
            return text
        return "\n\n".join(message["content"] for message in messages) + "\n\n"


class SchemaLogits:
    """Forbids every token that would leave the schema; called by ``generate`` at each step.

    Args:
        table: of the vocabulary.
        prompt_length: tokens before the answers.
    """

    def __init__(self, table: TokenTable, prompt_length: int) -> None:
        self._table = table
        self._read = prompt_length
        self._states: list[State] = []
        self._masks: dict[tuple[State, int], torch.Tensor] = {}

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores with forbidden tokens at minus infinity.

        Args:
            input_ids: (B, T) prompt and answers so far.
            scores: (B, V) of the next token.
        """
        import torch

        if not self._states:
            self._states = [START] * input_ids.shape[0]
        for column in range(self._read, input_ids.shape[1]):
            tokens = input_ids[:, column].tolist()
            self._states = [
                state if state == DONE else self._table.advance(state, token)
                for state, token in zip(self._states, tokens, strict=True)
            ]
        self._read = input_ids.shape[1]
        masks = []
        for state in self._states:
            key = (state, scores.shape[1])
            if key not in self._masks:
                mask = torch.full((scores.shape[1],), float("-inf"), device=scores.device)
                mask[list(self._table.allowed(state))] = 0.0
                self._masks[key] = mask
            masks.append(self._masks[key])
        return scores + torch.stack(masks).to(scores.dtype)


def token_texts(tokenizer: Any) -> list[str]:
    """What each token of a vocabulary adds to a text; "" for special tokens and halves of a character.

    Args:
        tokenizer: of transformers.
    """
    special = set(tokenizer.all_special_ids)
    # Behind another token, for some tokenizers leave out the space of a first one.
    (anchor,) = tokenizer.encode("a", add_special_tokens=False)[-1:]
    before = tokenizer.decode([anchor], clean_up_tokenization_spaces=False)
    texts = []
    for number in range(len(tokenizer)):
        text = tokenizer.decode([anchor, number], clean_up_tokenization_spaces=False)
        ok = number not in special and text.startswith(before) and "�" not in text
        texts.append(text[len(before) :] if ok else "")
    return texts
