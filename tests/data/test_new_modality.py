"""A further modality is one class: sounds, which nothing in `lib` knows of, are encoded, cached and
fused here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

from lib import Catalogue, Encoder, Task, concat, cost, embed, encoder, evaluate, search

RATE, LENGTH = 8000, 512
TONES = (440, 880, 1320, 1760)  # Hz; what tells one bell from another


class Spectrum:
    """How strong each band of frequencies is in a product's sound, (n, 32), whatever its phase."""

    name = "spectrum(32)"
    modality = "sound"
    state = "fixed"
    heard = 0

    def fit(self, train: Catalogue) -> Self:
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        return [
            None if s is None else np.asarray(s, np.float32).tobytes()
            for s in catalogue.items["sound"]
        ]

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        vectors = np.zeros((len(catalogue), 32), np.float32)
        for row, sound in enumerate(catalogue.items["sound"]):
            if sound is not None:
                self.heard += 1
                vectors[row] = np.abs(np.fft.rfft(sound))[1:257].reshape(32, 8).sum(axis=1)
        return vectors


def bells() -> Catalogue:
    """Two shops list four bells each in two materials; the title names the material, the sound is
    the bell's.
    """
    rng = np.random.default_rng(0)
    time = np.arange(LENGTH) / RATE
    rows = []
    for shop in ("north", "south"):
        for material in ("brass", "steel"):
            for tone in TONES:
                sound = np.sin(2 * np.pi * tone * time + rng.uniform(0, 6)) + rng.normal(
                    0, 0.3, LENGTH
                )
                rows.append((f"{material} bell", sound.tolist(), f"{material} {tone}", shop))
    items = pd.DataFrame(
        rows,
        columns=["title", "sound", "group", "seller"],
        index=[f"b{n}" for n in range(len(rows))],
    )
    items.loc["b0", "title"] = None
    items.at["b1", "sound"] = None
    return Catalogue("bells", items)


def test_a_new_modality_is_one_class_and_fusing_it_helps(tmp_path: Path) -> None:
    catalogue = bells()
    task = Task.same_label("same bell", catalogue, catalogue.items["group"])
    sound, again = Spectrum(), Spectrum()
    assert isinstance(sound, Encoder)
    heard = embed(sound, catalogue, cache=tmp_path)
    assert sound.heard == len(catalogue) - 1 and heard.present.tolist() == [
        n != 1 for n in range(len(catalogue))
    ]
    np.testing.assert_array_equal(embed(again, catalogue, cache=tmp_path).vectors, heard.vectors)
    assert again.heard == 0  # all from the cache
    words = embed(encoder("tfidf").fit(catalogue), catalogue, cache=None)
    methods = {"words": words, "sound": heard, "both": concat([words, heard])}
    hit = {
        name: evaluate(search(e, e, 1, exclude=task.exclude), task, ["hit@1"])["hit@1"].mean()
        for name, e in methods.items()
    }
    assert hit["both"] > hit["words"] + 0.4 and hit["both"] > hit["sound"] + 0.1
    assert cost(sound, heard)["dimensions"] == 32
