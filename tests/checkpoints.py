"""Tiny checkpoints with random weights, written as their makers write them, so that tests run the
real loading code.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import torch
import transformers as hf
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = ["red", "blue", "green", "mug", "cup", "shoe", "large", "canvas"]
TEXTS = ["red mug", "blue", "large blue canvas shoe", "cup " * 30, "unheard of", "mug"]
SMALL = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
SEEN = {**SMALL, "image_size": 32, "patch_size": 8}
POSITIONS = 12
START, END = 1 + len(WORDS), 2 + len(WORDS)


def write_tokenizer(folder: Path) -> None:
    """Eight words, framed by a start and an end token; as in CLIP these have the highest numbers,
    and the end pads.
    """
    vocabulary = {word: n for n, word in enumerate(["[UNK]", *WORDS, "[START]", "[END]"])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[END]", END), ("[START]", START))
    special = {
        "unk_token": "[UNK]",
        "bos_token": "[START]",
        "eos_token": "[END]",
        "pad_token": "[END]",
    }
    hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **special).save_pretrained(folder)


def write_vision(folder: Path, kind: str) -> Path:
    """A vision model with its image processor."""
    square = {"size": {"height": 32, "width": 32}}
    edge = {"size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32}}
    model, processor = {
        "vit": lambda: (hf.ViTModel(hf.ViTConfig(**SEEN)), hf.ViTImageProcessor(**square)),
        "vit-classifier": lambda: (
            hf.ViTForImageClassification(hf.ViTConfig(**SEEN)),
            hf.ViTImageProcessor(**square),
        ),
        "dinov2": lambda: (hf.Dinov2Model(hf.Dinov2Config(**SEEN)), hf.BitImageProcessor(**edge)),
        "resnet": lambda: (
            hf.ResNetModel(
                hf.ResNetConfig(
                    embedding_size=8, hidden_sizes=[8, 32], depths=[1, 1], layer_type="basic"
                )
            ),
            hf.ConvNextImageProcessor(size={"shortest_edge": 32}, crop_pct=0.9),
        ),
        "clip-vision": lambda: (
            hf.CLIPVisionModel(hf.CLIPVisionConfig(**SEEN)),
            hf.CLIPImageProcessor(**edge),
        ),
        "siglip-vision": lambda: (
            hf.SiglipVisionModel(hf.SiglipVisionConfig(**SEEN)),
            hf.SiglipImageProcessor(**square),
        ),
        "mae": lambda: (
            hf.ViTMAEModel(hf.ViTMAEConfig(**SEEN, mask_ratio=0.0)),
            hf.ViTImageProcessor(**square),
        ),
    }[kind]()
    return _save(folder, model, processor)


def write_joint(folder: Path, family: str) -> Path:
    """A CLIP or a SigLIP with tokenizer and image processor."""
    text = {**SMALL, "vocab_size": 3 + len(WORDS), "max_position_embeddings": POSITIONS}
    special = {"bos_token_id": START, "eos_token_id": END, "pad_token_id": END}
    if family == "clip":
        config = hf.CLIPConfig(
            text_config={**text, **special}, vision_config=SEEN, projection_dim=16
        )
        processor = hf.CLIPImageProcessor(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        )
        model = hf.CLIPModel(config)
    else:
        config = hf.SiglipConfig(
            text_config={**text, **special, "projection_size": 32}, vision_config=SEEN
        )
        processor = hf.SiglipImageProcessor(size={"height": 32, "width": 32})
        model = hf.SiglipModel(config)
    write_tokenizer(folder)
    return _save(folder, model, processor)


def as_pickle(folder: Path, elsewhere: Path) -> Path:
    """The same checkpoint with its weights as a pickle alone."""
    shutil.copytree(folder, elsewhere)
    (weights,) = elsewhere.glob("*.safetensors")
    from safetensors.torch import load_file

    torch.save(load_file(weights), elsewhere / "pytorch_model.bin")
    weights.unlink()
    return elsewhere


def _save(folder: Path, model: torch.nn.Module, processor: object) -> Path:
    generator = torch.Generator().manual_seed(0)
    for weights in model.parameters():  # as first drawn, all vectors are near one another
        weights.data += 0.1 * torch.randn(weights.shape, generator=generator)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
