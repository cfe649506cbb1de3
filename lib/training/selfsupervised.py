"""Learning where labels are missing or few: two views, masked words, and labels that a model gives
itself.

What is learned here are weights to start from: `Towers.fit` goes on with labels, where there are
any.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.sparse import eye_array
from torch import Generator, Tensor, nn
from transformers import AutoModelForMaskedLM, DataCollatorForLanguageModeling
from transformers.utils import logging

from lib.data.catalogue import Catalogue
from lib.encoders import encoder
from lib.encoders.device import autocast, best_device
from lib.encoders.embeddings import Embeddings
from lib.files import whole_folder
from lib.search.exact import search
from lib.training.loop import train
from lib.training.objectives import objective
from lib.training.recipe import Recipe, seeded
from lib.training.tower_encoder import vectors
from lib.training.towers import Towers

LONGEST = 64  # tokens that are read of a text


def two_views(towers: Towers, side: str, catalogue: Catalogue, recipe: Recipe, **kept: Any) -> None:
    """Train one tower so that two noisy views of a text or photo are nearer than those of others.

    On photos that is SimCLR (Chen et al. 2020): NT-Xent over a projection that is thrown away
    afterwards; on texts it is as SimCSE (Gao et al. 2021) with the towers' noise for its dropout.
    Equal texts count as one. `kept` are `folder` and `watch`, as `train` has them. Raises
    ValueError where the towers have no noise for that side: equal views teach nothing.
    """
    noise = towers.noise.get(side)
    if noise is None:
        raise ValueError(f"two views of one {side} must differ: give Towers(noise={{{side!r}: …}})")
    tower, products = towers.network[side], towers.read(catalogue)
    same = np.arange(len(catalogue))
    if side == "text":
        towers.learn_rarity(products)
        same = pd.factorize(np.array(products.texts))[0]
    labels, criterion = torch.as_tensor(same), objective("infonce")  # of two rows each: NT-Xent

    def loss(module: nn.ModuleDict, rows: Tensor, generator: Generator) -> Tensor:
        shown = {"noise": noise, "generator": generator}
        views = [vectors(module["tower"], products, rows, **shown) for _ in range(2)]
        return criterion(module["head"](torch.cat(views)), labels[rows].repeat(2))

    wide = tower.dimensions
    with seeded(recipe.seed):
        head = nn.Sequential(nn.Linear(wide, wide), nn.ReLU(), nn.Linear(wide, wide))
    train(
        nn.ModuleDict({"tower": tower, "head": head}).to(best_device()),
        loss,
        np.flatnonzero(products.present[side]),
        recipe,
        name=f"two views of each {side}",
        content={"noise": noise, "data": catalogue.digest, "side": side},
        **kept,
    )


def masked_language(
    spec: str, texts: Sequence[str], folder: Path | str, recipe: Recipe, *, share: float = 0.15
) -> float:
    """Train a text model to fill in masked words of these texts; returns the last epoch's loss.

    `spec` is "minilm" or "hf:…"; `folder` then holds a model that `encoder("hf:folder")` reads. A
    `share` of the tokens is masked as BERT does it (Devlin et al. 2019). Sentence models come
    without the layer that fills in: transformers draws it at random and ties it to the input
    vectors. Raises ValueError where there is no text, or the tokenizer has no mask.
    """
    source = encoder(spec, max_tokens=LONGEST)
    if source.tokenizer.mask_token is None:
        raise ValueError(
            f"{source.folder}: its tokenizer has no mask token, so it was not made to fill in words"
        )
    special = set(source.tokenizer.all_special_ids)
    tokens = [ids for ids in (source.tokens(texts) if len(texts) else []) if set(ids) - special]
    if not tokens:
        raise ValueError("no text to learn from")
    collate = DataCollatorForLanguageModeling(source.tokenizer, mlm_probability=share)

    def loss(module: nn.Module, rows: Tensor, generator: Generator) -> Tensor:
        given = [{"input_ids": tokens[row]} for row in rows.tolist()]
        drawn = int(torch.randint(2**62, (), generator=generator))
        with seeded(drawn):  # the collator draws from torch's own generator
            batch = collate(given)
            while (batch["labels"] < 0).all():  # of few words it may mask none, which has no loss
                batch = collate(given)
        with autocast(module.device):
            return module(**batch.to(module.device)).loss

    history: list[dict] = []
    said = logging.get_verbosity()
    logging.set_verbosity_error()  # it is known that the layer that fills in is new
    logging.disable_progress_bar()
    with seeded(recipe.seed):  # draws that layer
        network = AutoModelForMaskedLM.from_pretrained(
            source.folder, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    logging.set_verbosity(said)
    network.to(best_device())
    train(network, loss, range(len(tokens)), recipe, name="masked words", watch=history.append)
    with whole_folder(Path(folder)) as draft:
        network.base_model.save_pretrained(draft)
        source.tokenizer.save_pretrained(draft)
    return history[-1]["loss"]


def pseudo_labels(found: Embeddings, labels: Sequence, *, floor: float) -> np.ndarray:
    """The labels, and a new one for each two unlabelled products that are each other's nearest.

    Their cosine must be `floor` or more; see `confident_floor`. Labels (n,) are None where they are
    not known; new ones are ("pseudo", number).
    """
    made = np.empty(len(found), dtype=object)
    made[:] = list(labels)
    for left, right, cosine in zip(*_mutual(found), strict=True):
        if cosine >= floor and made[left] is None and made[right] is None:
            made[left] = made[right] = ("pseudo", int(left))
    return made


def confident_floor(found: Embeddings, labels: Sequence, *, precision: float = 0.9) -> float:
    """The lowest cosine from which mutual nearest neighbours share a label in that share of cases.

    Measure it on labelled products that the model was not trained on. Raises ValueError where no
    cosine does.
    """
    labels = np.asarray(labels, dtype=object)
    left, right, cosine = _mutual(found)
    known = ~(pd.isna(labels[left]) | pd.isna(labels[right]))
    order = np.argsort(-cosine[known], kind="stable")
    hits = np.cumsum((labels[left[known]] == labels[right[known]])[order])
    enough = np.flatnonzero(hits >= precision * np.arange(1, len(order) + 1))
    if not len(enough):
        raise ValueError(
            f"no cosine gives mutual nearest neighbours a precision of {precision}: label by hand, "
            "or ask for less"
        )
    return float(cosine[known][order][enough[-1]])


def _mutual(found: Embeddings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of rows that are each other's nearest, (pairs,) each, and their cosines."""
    nearest = search(found, found, 1, exclude=eye_array(len(found), format="csr"))
    best, rows = nearest.positions[:, 0], np.arange(len(found))
    # a pair counts once; best is -1 where nothing is there
    left = np.flatnonzero((best > rows) & (best[best] == rows))
    return left, best[left], nearest.scores[left, 0]
