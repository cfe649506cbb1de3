"""Learning where labels are missing or few: two views, a decoder, masked words, and labels that a model gives itself.

What is learned here are weights to start from: `Towers.fit` goes on with labels, where there are any.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from scipy.sparse import eye_array
from torch import nn

from lib.catalogue import Catalogue
from lib.embeddings import Embeddings
from lib.encoders.text import TextEncoder, minilm
from lib.files import whole_folder
from lib.search import search
from lib.training import Recipe, best_device, objective, train
from lib.training.checkpoint import described
from lib.training.inputs import vectors
from lib.training.networks import BagTower, PhotoTower, fast

if TYPE_CHECKING:
    from lib.training.towers import Towers


def two_views(towers: Towers, side: str, catalogue: Catalogue, recipe: Recipe, **kept: Any) -> None:
    """Train one tower so that two noisy views of a text or photo are nearer than those of others, without labels.

    On photos that is SimCLR (Chen et al. 2020): NT-Xent over a projection that is thrown away afterwards; on
    texts it is as SimCSE (Gao et al. 2021) with the towers' noise for its dropout. Equal texts count as one.
    `kept` are `folder` and `watch`, as `train` has them.
    Raises ValueError where the towers have no noise for that side: equal views teach nothing.
    """
    noise = towers.noise.get(side)
    if noise is None:
        raise ValueError(f"two views of one {side} must differ: give Towers(noise={{{side!r}: …}})")
    tower, inputs = towers.network[side], towers.read(catalogue)
    if isinstance(tower, BagTower) and not tower.learned:
        tower.learn(inputs.texts)
    same = torch.as_tensor(pd.factorize(np.array(inputs.texts))[0]) if side == "text" else torch.arange(len(catalogue))
    about = described(noise=noise, data=catalogue.digest, side=side)
    criterion = objective("infonce")  # NT-Xent, where each label has two rows

    def loss(module: nn.ModuleDict, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        views = [vectors(module["tower"], inputs, rows, noise=noise, generator=generator) for _ in range(2)]
        return criterion(module["head"](torch.cat(views)), same[rows].repeat(2))

    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        wide = tower.dimensions
        head = nn.Sequential(nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, wide)).to(next(tower.parameters()).device)
        rows = inputs.present[side].nonzero().ravel().tolist()
        train(
            nn.ModuleDict({"tower": tower, "head": head}),
            loss,
            rows,
            recipe,
            name=f"two views of each {side}",
            content=about,
            **kept,
        )


def autoencode(towers: Towers, catalogue: Catalogue, recipe: Recipe, **kept: Any) -> float:
    """Train the photo tower so that a decoder can draw the photo from its features; returns the mean squared error.

    The decoder sees the last layer's feature maps (a sixteenth of the photo's side) and draws half the side; it is
    thrown away afterwards. The error is of the photos trained on, in shares of the grey range: predicting grey 128 gives
    about 0.1. `kept` are `folder` and `watch`, as `train` has them. Raises ValueError where the photo tower is not "cnn".
    """
    if "image" not in towers.network or not isinstance(tower := towers.network["image"], PhotoTower):
        raise ValueError(f"only the photo tower 'cnn' has feature maps to decode, got {towers.settings['image']!r}")
    inputs = towers.read(catalogue)
    rows = inputs.present["image"].nonzero().ravel().tolist()

    def loss(module: nn.ModuleDict, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        pixels = inputs.pixels[rows].to(next(module.parameters()).device)
        drawn = module["decoder"](module["tower"].maps(pixels).float())
        return nn.functional.mse_loss(drawn, nn.functional.adaptive_avg_pool2d(pixels / 255.0, drawn.shape[-2:]))

    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        module = nn.ModuleDict({"tower": tower, "decoder": _decoder(tower.features)}).to(next(tower.parameters()).device)
        train(module, loss, rows, recipe, name="autoencoding photos", content=catalogue.digest, **kept)
    with torch.inference_mode():
        parts = torch.as_tensor(rows).split(recipe.batch)
        return float(np.average([loss(module, p, None).item() for p in parts], weights=[len(p) for p in parts]))


def _decoder(features: int) -> nn.Sequential:
    """Feature maps to a photo of eight times their side, (b, features, s, s) -> (b, 3, 8 s, 8 s)."""
    layers: list[nn.Module] = []
    for _ in range(3):
        layers += [nn.ConvTranspose2d(features, features // 2, 4, stride=2, padding=1), nn.ReLU()]
        features //= 2
    return nn.Sequential(*layers, nn.Conv2d(features, 3, 3, padding=1))


def masked_language(
    model: str | Path,
    texts: Sequence[str],
    folder: Path | str,
    recipe: Recipe,
    *,
    share: float = 0.15,
    max_tokens: int = 64,
    checkpoints: Path | str | None = None,
    watch: Callable[[dict], None] | None = None,
) -> float:
    """Train a text model to fill in masked words of these texts and write it to `folder`, which `encoder("hf:…")` reads.

    `model` is "minilm", a hub name or a folder. A `share` of the tokens is masked as BERT does it (Devlin et al. 2019).
    Sentence models come without the layer that fills in: transformers draws it at random and ties it to the input
    vectors. `checkpoints` and `watch` are `folder` and `watch` of `train`. Returns the last epoch's mean loss. Raises
    ValueError where there is no text, or the tokenizer has no mask.
    """
    from transformers import DataCollatorForLanguageModeling
    from transformers.utils import logging

    source = minilm() if str(model) == "minilm" else TextEncoder(model)
    if source.tokenizer.mask_token is None:
        raise ValueError(f"{source.folder}: its tokenizer has no mask token, so it was not made to fill in words")
    special = set(source.tokenizer.all_special_ids)
    tokens = source.tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"] if len(texts) else []
    tokens = [ids for ids in tokens if set(ids) - special]
    if not tokens:
        raise ValueError("no text to learn from")
    collate = DataCollatorForLanguageModeling(source.tokenizer, mlm_probability=share)
    history: list[dict] = []
    logging.disable_progress_bar()

    def loss(module: nn.Module, rows: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        with torch.random.fork_rng():  # the collator draws from torch's own generator
            torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
            given = [{"input_ids": tokens[row]} for row in rows.tolist()]
            batch = collate(given)
            while (batch["labels"] < 0).all():  # of few words it may mask none, which has no loss
                batch = collate(given)
        batch = batch.to(module.device)
        with fast(module.device):
            return module(**batch).loss

    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        said = logging.get_verbosity()
        logging.set_verbosity_error()  # it is known that the layer which fills in is new
        network = source._load("AutoModelForMaskedLM", "text model", use_safetensors=True, dtype=torch.float32)
        logging.set_verbosity(said)
        about = described(tokens=zlib.crc32(str(tokens).encode()), share=share)
        train(
            network.to(best_device()), loss, range(len(tokens)), recipe, name="masked words", folder=checkpoints, content=about,
            watch=lambda entry: (history.append(entry), watch and watch(entry)),
        )  # fmt: skip
    with whole_folder(Path(folder)) as draft:
        network.base_model.save_pretrained(draft)
        source.tokenizer.save_pretrained(draft)
    return history[-1]["loss"]


def pseudo_labels(found: Embeddings, labels: Sequence, *, floor: float) -> np.ndarray:
    """The labels, and a new one for each pair of unlabelled products that are each other's nearest, at a cosine >= `floor`.

    Labels (n,) are None where they are not known; new ones are ("pseudo", number). What floor is safe: `confident_floor`.
    """
    made = np.empty(len(found), dtype=object)
    made[:] = list(labels)
    for left, right, cosine in zip(*_mutual(found), strict=True):
        if cosine >= floor and made[left] is None and made[right] is None:
            made[left] = made[right] = ("pseudo", int(left))
    return made


def confident_floor(found: Embeddings, labels: Sequence, *, precision: float = 0.9) -> float:
    """The lowest cosine at and above which mutual nearest neighbours share a label in at least that share of cases.

    Measure it on labelled products that the model was not trained on. Raises ValueError where no cosine does.
    """
    labels = np.asarray(labels, dtype=object)
    left, right, cosine = _mutual(found)
    known = np.array([labels[a] is not None and labels[b] is not None for a, b in zip(left, right, strict=True)], dtype=bool)
    order = np.argsort(-cosine[known], kind="stable")
    right_so_far = np.cumsum((labels[left[known]] == labels[right[known]])[order])
    enough = np.flatnonzero(right_so_far >= precision * np.arange(1, len(order) + 1))
    if not len(enough):
        raise ValueError(
            f"no cosine gives mutual nearest neighbours a precision of {precision}: label by hand, or ask for less"
        )
    return float(cosine[known][order][enough[-1]])


def _mutual(found: Embeddings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of rows that are each other's nearest, (pairs,) each, and their cosines."""
    nearest = search(found, found, 1, exclude=eye_array(len(found), format="csr"))
    best, rows = nearest.positions[:, 0], np.arange(len(found))
    left = np.flatnonzero((best > rows) & (best[best] == rows))  # a pair counts once; best is -1 where nothing is there
    return left, best[left], nearest.scores[left, 0]
