"""Encoders by name: `encoder("minilm")`, `encoder("torchvision:mobilenet_v2", weights=…)`.

Each modality is one file; its heavy imports happen when one of its encoders is made.
"""

from __future__ import annotations

import difflib
import importlib

from lib.encoders.base import Encoder

# name -> (module, class, what it is); a name that ends in ":" is followed by a model
REGISTRY: dict[str, tuple[str, str, str]] = {
    "minilm": ("text", "minilm", "all-MiniLM-L6-v2, bundled: sentence vectors, 384 dimensions"),
    "hf:": ("text", "TextEncoder", "any Hugging Face text model, by name or local folder"),
    "tfidf": ("lexical", "Tfidf", "TF-IDF over words or character n-grams of the catalogue"),
    "torchvision:": ("image", "TorchvisionEncoder", "any torchvision classifier without its last layer"),
    "colour": ("image", "ColourHistogram", "how much of each colour a photo has, and roughly where"),
    "hog": ("image", "Hog", "histogram of oriented gradients: outlines without colour"),
}


def encoder(spec: str, **options: object) -> Encoder:
    """The encoder of that name, with options of its own (see the class that `REGISTRY` names).

    Raises ValueError for an unknown name, TypeError for an unknown option.
    """
    prefix, colon, model = spec.partition(":")
    entry = REGISTRY.get(prefix + colon)
    if entry is None or (colon and not model):
        near = difflib.get_close_matches(spec, REGISTRY, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no encoder {spec!r}; there are {', '.join(REGISTRY)} (after a colon, the model){hint}")
    factory = getattr(importlib.import_module(f"lib.encoders.{entry[0]}"), entry[1])
    return factory(model, **options) if colon else factory(**options)


__all__ = ["REGISTRY", "Encoder", "encoder"]
