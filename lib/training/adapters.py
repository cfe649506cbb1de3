"""Which weights of a pretrained Transformer are trained: none, all, or the few that peft adds.

Losses are elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib.encoders.base import Pretrained

if TYPE_CHECKING:
    import torch

METHODS = ("frozen", "full", "lora", "adalora", "ia3", "prefix")


def backbone(encoder: Pretrained, *, dropout: float = 0.1) -> torch.nn.Module:
    """A fresh copy of an encoder's Transformer to be trained, float32, with this dropout between
    its layers.

    Attention is computed as written ("eager") and without dropout of its own: on a processor the
    fused kernel's backward pass takes twice as long, and drawing its random numbers as long as the
    forward pass.
    """
    model = encoder.load_model(attn_implementation="eager")
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # the encoder pools token vectors; unused weights get no gradient
    for name, part in model.named_modules():
        if type(part).__name__ == "Dropout":
            part.p = 0.0 if "self" in name.split(".") or "attn" in name else dropout
    return model


def adapt(model: torch.nn.Module, method: str, *, rank: int = 8, steps: int = 0) -> torch.nn.Module:
    """The model with the weights of `method` left to train, all others frozen.

    "frozen" trains none; "full" all but the word vectors, which are half of MiniLM's weights and
    mostly never seen; "lora" (Hu et al. 2022) and "adalora" (Zhang et al. 2023, which spreads the
    rank over `steps` steps) add a low-rank product to every linear layer; "ia3" (Liu et al. 2022)
    scales keys, values and hidden units; "prefix" (Li and Liang 2021) adds `rank` learned keys and
    values to every attention.
    """
    if method not in METHODS:
        raise ValueError(f"no method {method!r}; there are {', '.join(METHODS)}")
    model.requires_grad_(method == "full")
    if method in ("full", "frozen"):
        model.get_input_embeddings().requires_grad_(False)
        return model
    import peft

    if method == "adalora":
        config = _adalora(rank, steps)
    elif method == "lora":
        config = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear")
    elif method == "prefix":
        task = "FEATURE_EXTRACTION"
        config = peft.PrefixTuningConfig(task_type=task, num_virtual_tokens=rank)
    else:
        config = peft.IA3Config()
    try:
        return peft.get_peft_model(model, config)
    except ValueError as error:  # peft knows most architectures' layer names, not all
        raise ValueError(
            f"{method} does not fit a {model.config.model_type} model: {error}"
        ) from error


def _adalora(rank: int, steps: int) -> object:
    import peft

    if steps < 10:
        raise ValueError(
            f"adalora spreads its rank over the training's steps: give steps=…, at least 10, "
            f"got {steps}"
        )
    return peft.AdaLoraConfig(
        init_r=rank + rank // 2,
        target_r=rank,
        tinit=steps // 10,
        tfinal=steps // 2,
        deltaT=max(1, steps // 50),
        lora_alpha=2 * rank,
        total_step=steps,
        target_modules="all-linear",
    )


def orthogonality(module: torch.nn.Module) -> torch.Tensor | float:
    """How far AdaLoRA's factors are from orthogonal, weighted; 0 without AdaLoRA.

    Zhang et al. 2023, equation 4; peft leaves this to the loss.
    """
    import torch

    total = 0
    for model in _adaloras(module):
        gaps = []
        for name, weights in model.named_parameters():
            if "lora_A" in name or "lora_B" in name:  # (r, in), (out, r)
                gram = weights @ weights.T if "lora_A" in name else weights.T @ weights
                unit = torch.eye(*gram.shape, device=gram.device)
                gaps.append(torch.linalg.matrix_norm(gram - unit))
        weight = model.peft_config[model.trainable_adapter_name].orth_reg_weight
        total = total + weight * torch.stack(gaps).mean()
    return total


def move_ranks(module: torch.nn.Module, step: int) -> None:
    """Let AdaLoRA, where there is one, move its rank to where the last gradients ask for it."""
    for model in _adaloras(module):
        model.update_and_allocate(step)


def _adaloras(module: torch.nn.Module) -> list[torch.nn.Module]:
    return [part for part in module.modules() if hasattr(type(part), "update_and_allocate")]
