"""What every encoder is: the protocol, and the parts that several modalities share."""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from lib.catalogue import Catalogue

if TYPE_CHECKING:
    import torch

    from lib.embeddings import Embeddings

FILES = ("*.json", "*.safetensors", "*.txt", "*.model")  # no pickles, no code


@runtime_checkable
class Encoder(Protocol):
    """Turns each product of a catalogue into a vector. A new modality is a class with these members."""

    name: str  # spells out every setting that changes the vectors
    modality: str  # "text", "image", "attributes", …

    @property
    def state(self) -> str | None:
        """A hash of what was fitted or loaded; None: too cheap to be worth a cache."""
        ...

    def fit(self, train: Catalogue) -> Self:
        """Learn from a catalogue; returns self at once where the encoder is pretrained."""
        ...

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """What `encode` reads of each product, as bytes; None where it is missing."""
        ...

    def encode(self, catalogue: Catalogue) -> np.ndarray | csr_array:
        """One row a product, (n, d) float32; all zero where the modality is missing."""
        ...


class Pretrained:
    """What encoders with a Hugging Face model share: where its files lie, their hash, and how they are loaded.

    `model` is a hub name, downloaded on first use, or a local folder. Only safetensors are read and no remote code
    is run. Subclasses say in `kind` what they need.
    """

    kind = "model"

    def __init__(self, model: str | Path) -> None:
        self._source = str(model)

    @functools.cached_property
    def folder(self) -> Path:
        """The folder with the model's files. Raises RuntimeError where it is neither here nor to be had."""
        if Path(self._source).is_dir():
            return Path(self._source)
        hub = require("huggingface_hub")
        try:
            return Path(hub.snapshot_download(self._source, allow_patterns=FILES))
        except Exception as error:  # the hub raises a dozen kinds; all mean the same here
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise RuntimeError(
                f"{self._source!r} is no local folder and could not be had from the hub ({reason}); download it "
                f"elsewhere and give the folder: {self.name.partition(':')[0]}:path/to/folder"
            ) from error

    @functools.cached_property
    def state(self) -> str:
        """A hash of the weights, configuration, tokenizer and processor files."""
        return digest_files([f for pattern in FILES for f in self.folder.glob(pattern)])

    @property
    def parameters(self) -> int:
        """How many weights the model has."""
        return count(self.model)

    def fit(self, train: Catalogue) -> Self:
        """Nothing to learn: the model is pretrained."""
        return self

    @functools.cached_property
    def tokenizer(self):  # noqa: ANN201 - a transformers class chosen by the folder
        """The model's own tokenizer."""
        tokenizer = self._load("AutoTokenizer", "tokenizer")
        if tokenizer.pad_token is None:  # GPTs have none; the mask hides whatever stands there
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        return tokenizer

    def weights(self, auto: str = "AutoModel", **more: object) -> tuple[torch.nn.Module, bool]:
        """The model by one of transformers' Auto classes, in evaluation mode, float32, and whether its pooler came with it.

        Classifiers' files lack a pooler, which transformers then draws at random. Raises RuntimeError where anything
        else is lacking.
        """
        import torch
        from transformers.utils import logging

        logging.disable_progress_bar()  # embed() shows the one bar that matters
        options = {"use_safetensors": True, "dtype": torch.float32, "output_loading_info": True} | more
        model, loading = self._load(auto, self.kind, **options)
        missing = sorted(loading["missing_keys"])
        lacking = [name for name in missing if "pooler" not in name]
        if lacking:
            raise RuntimeError(f"{self.folder} holds no {self.kind} that loads: its files lack {', '.join(lacking[:3])}")
        return model.eval(), not missing

    def _load(self, auto: str, what: str, **options: object) -> Any:
        import transformers

        try:
            return getattr(transformers, auto).from_pretrained(self.folder, trust_remote_code=False, **options)
        except (OSError, ValueError, ImportError) as error:
            raise RuntimeError(f"{self.folder} holds no {what} that loads: {error}") from error


def count(network: torch.nn.Module) -> int:
    """How many weights a network has."""
    return sum(weights.numel() for weights in network.parameters())


def digest_state(network: torch.nn.Module, *more: object) -> str:
    """A hash of a network's weights and of whatever else its vectors depend on."""
    total = hashlib.sha256(repr(more).encode())
    for name, weights in sorted(network.state_dict().items()):
        total.update(name.encode() + weights.detach().cpu().numpy().tobytes())
    return total.hexdigest()


def cost(encoder: Encoder, embeddings: Embeddings | None = None) -> dict[str, int]:
    """What an encoder weighs: its learned `parameters` (0: none) and the `dimensions` of its vectors.

    Without `embeddings` the dimensions are those of a product that lacks everything.
    """
    nothing = pd.DataFrame({field: [None] for field in getattr(encoder, "fields", ())}, index=["nothing"])
    vectors = encoder.encode(Catalogue("nothing", nothing)) if embeddings is None else embeddings.vectors
    return {"parameters": getattr(encoder, "parameters", 0), "dimensions": vectors.shape[1]}


def digest_files(paths: Sequence[Path]) -> str:
    """A hash of files' names and bytes, in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(paths, key=lambda p: p.name):
        total.update(path.name.encode() + b"\0" + bytes.fromhex(sha256(path)))
    return total.hexdigest()


def sha256(path: Path) -> str:
    """The hash of a file's bytes; a file that has not been written since is not read twice."""
    status = path.stat()
    return _sha256(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=256)
def _sha256(path: Path, size: int, written: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require(module: str, package: str | None = None) -> ModuleType:
    """Import an optional module, or fail with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{module} is not installed; run: pip install {package or module}") from error
