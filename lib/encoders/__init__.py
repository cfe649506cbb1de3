"""Encoders turn products into vectors: of text, photos, both in one space, or attributes.

`encoder("minilm")` makes one by its name, `embed()` runs it over a catalogue. Each modality is one
file, and its libraries are imported when one of its encoders is made.
"""

from __future__ import annotations

import pkgutil
from importlib.util import find_spec

from lib.encoders.base import Encoder
from lib.encoders.embeddings import Embeddings, cost, embed, hide
from lib.encoders.several import Encoded, embed_each
from lib.hints import did_you_mean

# name -> (module:factory, what it is); a name that ends in ":" is followed by a model
REGISTRY: dict[str, tuple[str, str]] = {
    "minilm": (
        "lib.encoders.text:minilm",
        "all-MiniLM-L6-v2, bundled: sentence vectors, 384 dimensions",
    ),
    "hf:": (
        "lib.encoders.text:TextEncoder",
        "any Hugging Face text model, by name or local folder; pooling mean, cls or last",
    ),
    "tfidf": (
        "lib.encoders.lexical:Tfidf",
        "TF-IDF over words or character n-grams of the catalogue",
    ),
    "lsa": (
        "lib.encoders.lexical:Lsa",
        "latent semantic analysis: TF-IDF in fewer, dense dimensions",
    ),
    "word2vec": (
        "lib.encoders.word_vectors:Word2Vec",
        "mean of word vectors learned from the catalogue (extra: words)",
    ),
    "glove:": ("lib.encoders.word_vectors:Glove", "mean of word vectors from a GloVe text file"),
    "model2vec:": (
        "lib.encoders.word_vectors:StaticEncoder",
        "mean of word pieces' vectors, distilled from a sentence encoder, by name or local folder",
    ),
    "lstm": (
        "lib.training.lstm:Lstm",
        "an LSTM that learns from the catalogue's titles, without labels",
    ),
    "clip:": (
        "lib.encoders.joint:clip",
        'a CLIP or SigLIP by name or folder, tower="text" or "image": both in one space '
        "(run on tests' random weights only)",
    ),
    "hf-image:": (
        "lib.encoders.image_networks:HfImageEncoder",
        "any Hugging Face vision model, by name or local folder "
        "(run on tests' random weights only)",
    ),
    "torchvision:": (
        "lib.encoders.image_networks:TorchvisionEncoder",
        "any torchvision classifier without its last layer; file, download or random weights",
    ),
    "colour": (
        "lib.encoders.image:ColourHistogram",
        "how much of each colour a photo has, without its backdrop",
    ),
    "hog": ("lib.encoders.image:Hog", "histogram of oriented gradients: outlines without colour"),
    "phash": (
        "lib.encoders.image:PerceptualHash",
        "perceptual hash: the same photo in another size or compression",
    ),
    "onehot": (
        "lib.encoders.attributes:OneHot",
        "category levels, brand and other values, equal or not",
    ),
    "category": ("lib.encoders.attributes:category", "how many levels two category paths share"),
    "price": (
        "lib.encoders.attributes:Price",
        "the logarithm of the price, scaled per currency: near prices are near",
    ),
    "autoencoder": (
        "lib.training.autoencoder:Autoencoder",
        "price and numeric attributes in a learned code",
    ),
}


def encoder(encoder: str, **options: object) -> Encoder:
    """An encoder by its name in `REGISTRY`, or your own as "module:Class".

    `options` are those of the class. Raises ValueError for an unknown name, TypeError for an
    unknown option.

    >>> encoder("tfidf", fields=["title", "description"]).name
    'tfidf(title+description,word,1-1)'
    >>> encoder("torchvision:resnet18", weights=None, frame="crop").name
    'torchvision:resnet18(random seed 0,crop)'

    An encoder of your own is a class with the members of `Encoder`. It needs no entry here: with
    `class Sound` in my_encoders.py, `encoder("my_encoders:Sound")` makes one. The file
    lies in the project's folder, in notebooks/ or on PYTHONPATH.
    """
    prefix, colon, model = encoder.partition(":")
    known = REGISTRY.get(prefix + colon)
    if known and bool(colon) == bool(model):
        factory = pkgutil.resolve_name(known[0])
        return factory(model, **options) if colon else factory(**options)
    if prefix and model.isidentifier():
        if find_spec(prefix) is None:
            raise ValueError(
                f"no encoder {encoder!r}: Python finds no module {prefix!r}. A file of your own, "
                f"{prefix}.py, lies in the folder you work in, in notebooks/ or on PYTHONPATH"
            )
        return pkgutil.resolve_name(encoder)(**options)
    names = f"{', '.join(REGISTRY)} (after a colon, the model){did_you_mean(encoder, REGISTRY)}"
    raise ValueError(f"no encoder {encoder!r}; there are {names}")


__all__ = [
    "REGISTRY",
    "Embeddings",
    "Encoded",
    "Encoder",
    "cost",
    "embed",
    "embed_each",
    "encoder",
    "hide",
]
