"""An answer in words: by a template, or by a language model that is held to the facts.

The facts are the passages that `support.py` found. A model's sentence that brings a number, a colour or a product's
name from elsewhere is thrown away for the template's. What is not checked is the sense: a model may still say no for yes.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lib.catalogue import Catalogue
from lib.encoders.base import Pretrained
from lib.tasks.asked import Vocabulary, colours
from lib.tasks.support import Answer

if TYPE_CHECKING:
    import torch

# no Yes for a feature: whether "leak-proof" means yes depends on what was asked, "does it leak?" or "is it tight?"
OPENINGS = {
    "cheaper": "Alike and cheaper",
    "colour": "Yes, in {colour}",
    "size": "Yes, as {size}",
    "feature": "In the catalogue",
}
PROMPT = "Question: {question}\nFacts:\n{facts}\nAnswer in one or two sentences, with these facts only.\nAnswer:"
NUMBER = re.compile(r"\d+(?:[.,]\d+)?")


@dataclass(frozen=True)
class Phrased:
    """What is said, by whom ("template" or the model's name), and what was wrong with a model's words, if anything."""

    text: str
    by: str
    refused: str = ""


def facts(answer: Answer, catalogue: Catalogue) -> list[str]:
    """One line a product: its name, its price and the passage."""
    lines = []
    for row, passage in zip(answer.positions, answer.passages, strict=True):
        item = catalogue.items.iloc[row]
        name = item["title"] or f"{item['brand'] or ''} {passage.product}".strip()
        price = "price unknown" if np.isnan(item["price"]) else f"{item['price']:.2f}"
        said = "" if passage.field in ("price", "title") else f', {passage.field}: "{passage.text}"'
        lines.append(f"{name} ({price}{said})")
    return lines


def template(answer: Answer, catalogue: Catalogue) -> str:
    """The answer in fixed words; an abstention says why."""
    if answer.abstained:
        return f"That I cannot tell from the catalogue: {answer.reason}."
    opening = OPENINGS[answer.request.intent].format(colour=answer.request.colour, size=answer.request.size)
    return f"{opening}: {'; '.join(facts(answer, catalogue))}."


def invented(text: str, known: str, vocabulary: Vocabulary) -> list[str]:
    """The numbers, colours and product names of a text that what is known does not hold."""
    numbers = [n for n in NUMBER.findall(text) if _value(n) not in {_value(k) for k in NUMBER.findall(known)}]
    names = [name for name in vocabulary.names(text) if not re.search(rf"\b{re.escape(name)}\b", known, re.I)]
    return list(dict.fromkeys([*numbers, *sorted(colours(text) - colours(known)), *names]))


class Phraser(Pretrained):
    """A causal language model, by hub name or local folder as "hf:…", that words an answer from its facts alone.

    Decoding is greedy, so the same facts give the same words. Only safetensors are read, no remote code is run.
    """

    kind = "causal language model"

    def __init__(self, spec: str, *, max_new_tokens: int = 80) -> None:
        prefix, _, model = spec.partition(":")
        if prefix != "hf" or not model:
            raise ValueError(f'a generator is named "hf:" and a model or folder, got {spec!r}')
        super().__init__(model)
        self.name, self.max_new_tokens = spec, max_new_tokens

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The model in evaluation mode."""
        return self.weights("AutoModelForCausalLM")[0]

    def phrase(self, answer: Answer, catalogue: Catalogue, vocabulary: Vocabulary) -> Phrased:
        """The model's words where they keep to the facts, else the template's. An abstention is always the template's."""
        plain = template(answer, catalogue)
        if answer.abstained:
            return Phrased(plain, "template")
        known = "\n".join(facts(answer, catalogue))
        text = self.complete(PROMPT.format(question=answer.request.text, facts=known))
        if not re.search(r"\w", text):
            return Phrased(plain, "template", "it said nothing")
        strange = invented(text, known, vocabulary)
        return Phrased(plain, "template", f"not in the facts: {', '.join(strange)}") if strange else Phrased(text, self.name)

    def complete(self, prompt: str) -> str:
        """What the model writes after a prompt, by its chat template where it has one; a prompt too long loses its start."""
        import torch

        chats = bool(self.tokenizer.chat_template)  # which writes the special tokens itself
        if chats:
            said = [{"role": "user", "content": prompt}]
            prompt = self.tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
        room = getattr(self.model.config, "max_position_embeddings", None) or 2048
        ids = self.tokenizer(prompt, add_special_tokens=not chats, return_tensors="pt")["input_ids"]  # (1, t)
        ids = ids[:, -max(1, room - self.max_new_tokens) :]
        with torch.inference_mode():
            written = self.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        return self.tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip()


def _value(number: str) -> float:
    return float(number.replace(",", "."))
