"""What every encoder is, and what several of them share: Hugging Face models, hashes of weights.

Nothing here knows a modality.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

import numpy as np
from scipy.sparse import csr_array

from lib.data.catalogue import Catalogue
from lib.encoders.device import best_device
from lib.files import weights_paths

if TYPE_CHECKING:
    import torch


FILES = ("*.json", "*.safetensors", "*.txt", "*.model")  # no pickles, no code


@runtime_checkable
class Encoder(Protocol):
    """Turns each product of a catalogue into a vector.

    A new modality is a class with these members.
    """

    name: str  # spells out every setting that changes the vectors
    modality: str  # "text", "image", "attributes", …

    @property
    def state(self) -> str | None:
        """A hash of what was fitted or loaded; None: encoding is faster than reading a cache."""
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
    """What users of a Hugging Face model share: its files, their hash, and how it is loaded.

    `model` is a local folder, by path or by its name in a `weights` folder beside the data sets, or
    a hub name, downloaded on first use. Only safetensors are read and no remote code is run.
    Subclasses set `name`, and say in `kind` what they need.
    """

    kind = "model"
    auto = "AutoModel"  # which of transformers' Auto classes loads it
    name: str

    def __init__(self, model: str | Path) -> None:
        self._source = str(model)

    @functools.cached_property
    def folder(self) -> Path:
        """The folder with the model's files.

        Raises RuntimeError where it is neither on the disk nor on the hub.
        """
        for path in weights_paths(self._source):
            if path.is_dir():
                return path
        hub = require("huggingface_hub")
        try:
            return Path(hub.snapshot_download(self._source, allow_patterns=FILES))
        except Exception as error:  # the hub raises a dozen kinds; all mean the same here
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            prefix = self.name.partition(":")[0]
            raise RuntimeError(
                f"{self._source!r} is no local folder and the hub did not give it ({reason}); "
                f"download it elsewhere and name the folder: {prefix}:path/to/folder"
            ) from error

    @functools.cached_property
    def state(self) -> str:
        """A hash of the weights, configuration, tokenizer and processor files."""
        return digest_files([f for pattern in FILES for f in self.folder.glob(pattern)])

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The model in evaluation mode."""
        return self.load_model()

    @property
    def parameters(self) -> int:
        """How many weights the model has."""
        return count(self.model)

    def fit(self, train: Catalogue) -> Self:
        """Nothing to learn: the model is pretrained."""
        return self

    @functools.cached_property
    def tokenizer(self) -> Any:
        """The model's own tokenizer."""
        tokenizer = self._load("AutoTokenizer", "tokenizer")
        if tokenizer.pad_token is None:  # GPTs have none; the mask hides whatever stands there
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        return tokenizer

    def token_limit(self, asked: int) -> int:
        """How many tokens a text may have: `asked`, or fewer where the model reads fewer."""
        config = self._load("AutoConfig", "configuration")
        positions = getattr(config, "max_position_embeddings", None) or asked
        return min(asked, positions, self.tokenizer.model_max_length)

    def load_model(self, **options: object) -> torch.nn.Module:
        """The model in evaluation mode, float32, on the best device; `options` are transformers'.

        A pooler that the files lack, as classifiers' do, is taken out. Raises RuntimeError where
        they lack anything else.
        """
        import torch
        from transformers.utils import logging

        logging.disable_progress_bar()  # embed() shows the one bar that matters
        options = {"use_safetensors": True, "dtype": torch.float32} | options
        model, loading = self._load(self.auto, self.kind, output_loading_info=True, **options)
        lacking = sorted(loading["missing_keys"])
        if self.auto == "AutoModel":  # a classifier's head needs its pooler
            lacking = _without_poolers(model, lacking)
        if lacking:
            names = ", ".join(lacking[:3])
            raise RuntimeError(
                f"{self.folder} holds no trained {self.kind}: its files lack {names}"
            )
        return model.eval().to(best_device())

    def _load(self, auto: str, what: str, **options: object) -> Any:
        import transformers

        factory = getattr(transformers, auto)
        try:
            return factory.from_pretrained(self.folder, trust_remote_code=False, **options)
        except (OSError, ValueError, ImportError) as error:
            raise RuntimeError(f"{self.folder} holds no {what} that loads: {error}") from error


def _without_poolers(model: torch.nn.Module, lacking: list[str]) -> list[str]:
    """Take out the poolers that the files lack, for transformers drew them at random."""
    poolers = [name for name in lacking if "pooler" in name]
    for name in poolers:
        parent = name.partition("pooler")[0].rstrip(".")
        model.get_submodule(parent).pooler = None
    return [name for name in lacking if name not in poolers]


def count(network: torch.nn.Module) -> int:
    """How many weights a network has."""
    return sum(weights.numel() for weights in network.parameters())


def digest_state(network: torch.nn.Module, *more: object) -> str:
    """A hash of a network's weights and of whatever else its vectors depend on."""
    total = hashlib.sha256(repr(more).encode())
    for name, weights in sorted(network.state_dict().items()):
        total.update(name.encode() + weights.detach().cpu().numpy().tobytes())
    return total.hexdigest()


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
        raise ModuleNotFoundError(
            f"{module} is not installed; run: pip install {package or module}"
        ) from error
