"""Encoders by name: `encoder("minilm")`, `encoder("torchvision:mobilenet_v2", weights=…)`.

Each modality is one file; its heavy imports happen when one of its encoders is made.
"""

from __future__ import annotations

import difflib
import importlib

from lib.encoders.base import Encoder, cost

# name -> (module, class, what it is); a name that ends in ":" is followed by a model
REGISTRY: dict[str, tuple[str, str, str]] = {
    "minilm": ("text", "minilm", "all-MiniLM-L6-v2, bundled: sentence vectors, 384 dimensions"),
    "hf:": ("text", "TextEncoder", "any Hugging Face text model, by name or local folder"),
    "tfidf": ("lexical", "Tfidf", "TF-IDF over words or character n-grams of the catalogue"),
    "lsa": ("lexical", "Lsa", "latent semantic analysis: TF-IDF in fewer, dense dimensions"),
    "word2vec": ("wordvectors", "Word2Vec", "mean of word vectors learned from the catalogue (extra: words)"),
    "glove:": ("wordvectors", "Glove", "mean of word vectors from a GloVe text file (extra: words)"),
    "lstm": ("sequence", "Lstm", "an LSTM that learns from the catalogue's titles, without labels"),
    "clip:": ("joint", "clip", 'a CLIP by name or folder, tower="text" or "image": texts and photos in one space'),
    "siglip:": ("joint", "siglip", 'a SigLIP by name or folder, tower="text" or "image": texts and photos in one space'),
    "hf-image:": ("hf_image", "HfImageEncoder", "any Hugging Face vision model, by name or local folder"),
    "torchvision:": ("image", "TorchvisionEncoder", "any torchvision classifier without its last layer"),
    "colour": ("image", "ColourHistogram", "how much of each colour a photo has, and roughly where"),
    "hog": ("image", "Hog", "histogram of oriented gradients: outlines without colour"),
    "phash": ("image", "PerceptualHash", "perceptual hash: the same photo in another size or compression"),
    "onehot": ("attributes", "OneHot", "category levels, brand and other values, equal or not"),
    "category": ("attributes", "category", "how far two category paths run together"),
    "price": ("attributes", "Price", "the logarithm of the price, scaled per currency: near prices are near"),
    "autoencoder": ("autoencoder", "Autoencoder", "price and numeric attributes in a learned code"),
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


__all__ = ["REGISTRY", "Encoder", "cost", "encoder"]
