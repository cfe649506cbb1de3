"""Where networks run and when they round. There is no GPU here: torch's "meta" device, which holds
shapes without numbers, stands in for one, and any tensor left on the processor is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from lib.encoders import base, device, encoder, image_networks
from tests.checkpoints import write_joint, write_vision
from tests.encoders import noise, photos, titles


@pytest.fixture
def kinds_with_bfloat16(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    found: set[str] = set()
    monkeypatch.setattr(device, "has_bfloat16", lambda kind: kind in found)
    return found


@pytest.mark.parametrize(("rank", "expected"), [(None, "cuda:0"), ("2", "cuda:2")])
def test_a_process_takes_its_own_gpu(
    rank: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    if rank:
        monkeypatch.setenv("LOCAL_RANK", rank)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert device.best_device() == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.best_device() == expected


def test_products_are_rounded_where_asked_or_where_it_is_fast(kinds_with_bfloat16: set) -> None:
    def product(precision: str) -> torch.dtype:
        with device.autocast("cpu", precision):
            return (torch.ones(2, 2) @ torch.ones(2, 2)).dtype

    assert product("auto") == product("float32") == torch.float32
    assert product("bfloat16") == torch.bfloat16
    kinds_with_bfloat16.add("cpu")
    assert product("auto") == torch.bfloat16 and product("float32") == torch.float32


@pytest.mark.parametrize("spec", ["clip, text", "clip, image", "hf-image", "torchvision", "minilm"])
def test_models_and_batches_go_to_the_device(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (base, image_networks):
        monkeypatch.setattr(module, "best_device", lambda: "meta")
    noise(0, 40, 40).save(tmp_path / "a.png")
    shop = photos(tmp_path / "a.png")
    if spec.startswith("clip"):
        folder = write_joint(tmp_path / "clip", "clip")
        made = encoder(f"clip:{folder}", tower=spec.removeprefix("clip, "))
    elif spec == "hf-image":
        made = encoder(f"hf-image:{write_vision(tmp_path / 'vit', 'vit')}")
    elif spec == "torchvision":
        made = encoder("torchvision:squeezenet1_1", weights=None)
    else:
        made = encoder("minilm", precision="float32")
    assert device.device_of(made.model).type == "meta"
    if made.modality == "text":
        shop = titles("red mug")
    # the network ran; only copying its result back cannot work, for it has no numbers
    with pytest.raises((NotImplementedError, RuntimeError), match="meta tensor"):
        made.encode(shop)
