"""Which weights of a pretrained Transformer are trained: none, all, or the few that peft adds.

Losses are elsewhere.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lib.encoders.base import Pretrained

METHODS = ("frozen", "full", "lora", "adalora", "ia3", "prefix")


def trainable_copy(
    encoder: Pretrained, method: str, *, dropout: float = 0.1, rank: int = 8, steps: int = 0
) -> nn.Module:
    """A fresh copy of an encoder's Transformer, float32, with the weights of `method` left to train
    and all others frozen, and with this dropout between its layers.

    "frozen" trains none; "full" all but the word vectors, which are half of MiniLM's weights and
    mostly never seen; "lora" (Hu et al. 2022) and "adalora" (Zhang et al. 2023, which spreads the
    rank over `steps` steps) add a low-rank product to every linear layer; "ia3" (Liu et al. 2022)
    scales keys, values and hidden units; "prefix" (Li and Liang 2021) adds `rank` learned keys and
    values to every attention.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; there are {', '.join(METHODS)}")
    model = _backbone(encoder, dropout)
    model.requires_grad_(method == "full")
    if method in ("full", "frozen"):
        model.get_input_embeddings().requires_grad_(False)
        return model
    import peft

    low_rank = {"lora_alpha": 2 * rank, "target_modules": "all-linear"}
    if method == "lora":
        config = peft.LoraConfig(r=rank, **low_rank)
    elif method == "adalora":
        config = peft.AdaLoraConfig(target_r=rank, **_spread(rank, steps), **low_rank)
    elif method == "ia3":
        config = peft.IA3Config()
    else:
        config = peft.PrefixTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=rank)
    try:
        return peft.get_peft_model(model, config)
    except ValueError as error:  # peft knows most architectures' layer names, not all
        raise ValueError(
            f"{method} does not fit a {model.config.model_type} model: {error}"
        ) from error


def _backbone(encoder: Pretrained, dropout: float) -> nn.Module:
    """The Transformer, its attention computed as written ("eager") and without dropout of its own.

    On a processor the fused kernel's backward pass takes twice as long, and drawing its random
    numbers as long as the forward pass.
    """
    model = encoder.load_model(attn_implementation="eager")
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # the encoder pools token vectors; unused weights get no gradient
    for name, part in model.named_modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0 if "self" in name.split(".") or "attn" in name else dropout
    return model


def _spread(rank: int, steps: int) -> dict[str, int]:
    """How AdaLoRA goes from one and a half times the rank to the rank within half of the steps."""
    if steps < 10:
        raise ValueError(
            f"adalora spreads its rank over the training's steps: give steps=…, at least 10, "
            f"got {steps}"
        )
    timing = {"tinit": steps // 10, "tfinal": steps // 2, "deltaT": max(1, steps // 50)}
    return {"init_r": rank + rank // 2, "total_step": steps, **timing}


def orthogonality(module: nn.Module) -> Tensor | float:
    """How far AdaLoRA's factors are from orthogonal, weighted; 0 without AdaLoRA.

    Zhang et al. 2023, equation 4; peft leaves this to the loss.
    """
    total = 0
    for model in adaloras(module):
        gaps = []
        for name, weights in model.named_parameters():
            if "lora_A" in name or "lora_B" in name:  # (r, in), (out, r)
                gram = weights @ weights.T if "lora_A" in name else weights.T @ weights
                unit = torch.eye(*gram.shape, device=gram.device)
                gaps.append(torch.linalg.matrix_norm(gram - unit))
        weight = model.peft_config[model.trainable_adapter_name].orth_reg_weight
        total = total + weight * torch.stack(gaps).mean()
    return total


def adaloras(module: nn.Module) -> list[nn.Module]:
    """The AdaLoRA models within a module."""
    return [part for part in module.modules() if hasattr(type(part), "update_and_allocate")]
