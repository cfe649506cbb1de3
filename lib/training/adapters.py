"""Which weights of a pretrained Transformer are trained: none, all, or the few that peft adds. Losses are elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib.encoders.base import Pretrained

if TYPE_CHECKING:
    import torch

METHODS = ("frozen", "full", "lora", "adalora", "ia3", "prefix")


def backbone(encoder: Pretrained, *, dropout: float = 0.1) -> torch.nn.Module:
    """A fresh copy of an encoder's Transformer to be trained, float32, with this dropout between its layers.

    Attention is computed as written ("eager") and without dropout of its own: on a processor the fused kernel's backward pass
    takes twice as long, and drawing its random numbers as long as the forward pass.
    """
    model, _ = encoder.weights(attn_implementation="eager")
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # token vectors are pooled by the encoder; unused weights would have no gradient
    for name, part in model.named_modules():
        if type(part).__name__ == "Dropout":
            part.p = 0.0 if "self" in name.split(".") or "attn" in name else dropout
    return model


def adapt(model: torch.nn.Module, method: str, *, rank: int = 8, steps: int = 0, table: bool = False) -> torch.nn.Module:
    """The model with the weights of `method` left to train, all others frozen.

    "frozen" trains none; "full" all but the word vectors (with `table` those as well: half of MiniLM's weights, most of them
    never seen); "lora" (Hu et al. 2022) and "adalora" (Zhang et al. 2023, which spreads the rank over `steps` steps) add a
    low-rank product to every linear layer; "ia3" (Liu et al. 2022) scales keys, values and hidden units; "prefix" (Li and Liang
    2021) adds `rank` learned keys and values to every attention.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; there are {', '.join(METHODS)}")
    if method == "full":
        model.requires_grad_(True)
        model.get_input_embeddings().requires_grad_(table)
        return model
    model.requires_grad_(False)
    if method == "frozen":
        return model
    import peft

    configs = {
        "lora": lambda: peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear"),
        "adalora": lambda: _adalora(rank, steps),
        "ia3": lambda: peft.IA3Config(),
        "prefix": lambda: peft.PrefixTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=rank),
    }
    try:
        return peft.get_peft_model(model, configs[method]())
    except ValueError as error:  # peft knows most architectures' layer names, not all
        raise ValueError(f"{method} does not fit a {model.config.model_type} model: {error}") from error


def _adalora(rank: int, steps: int) -> object:
    import peft

    if steps < 10:
        raise ValueError(f"adalora spreads its rank over the training's steps: give steps=…, at least 10, got {steps}")
    return peft.AdaLoraConfig(
        init_r=rank + rank // 2, target_r=rank, tinit=steps // 10, tfinal=steps // 2, deltaT=max(1, steps // 50),
        lora_alpha=2 * rank, total_step=steps, target_modules="all-linear",
    )  # fmt: skip
