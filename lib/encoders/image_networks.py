"""Networks that read photos: torchvision's classifiers and Hugging Face's vision models.

A model comes with its own resizing and normalisation. CLIP's image tower is in `joint.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from lib.encoders.base import Pretrained, count, digest_files
from lib.encoders.device import best_device, device_of
from lib.encoders.image import PhotoEncoder, open_photo
from lib.files import find_weights
from lib.hints import did_you_mean

if TYPE_CHECKING:
    import torch


class PhotoNetwork(PhotoEncoder):
    """What networks share: batches of pixels in, features out.

    Subclasses have a `model`, say how a photo becomes `pixels`, (3, h, w), and which `features` the
    model makes of a batch of these, (b, 3, h, w) -> (b, d) or (b, d, 1, 1).
    """

    model: torch.nn.Module
    pixels: Callable[[Image.Image], torch.Tensor]
    features: Callable[[torch.Tensor], torch.Tensor]

    @property
    def parameters(self) -> int:
        """How many weights the network has."""
        return count(self.model)

    @functools.cached_property
    def dimensions(self) -> int:  # type: ignore[override]
        """How many features the network gives."""
        return self._vectors([self.pixels(Image.new("RGB", (64, 64)))]).shape[1]

    def _prepare(self, path: str) -> torch.Tensor:
        return self.pixels(open_photo(path))

    def _vectors(self, prepared: list[torch.Tensor]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.stack(prepared).to(device_of(self.model))
            return self.features(batch).flatten(1).cpu().numpy()


class TorchvisionEncoder(PhotoNetwork):
    """A torchvision classifier without its last layer, (n, features).

    `weights` is one of three: a safetensors file, by path or by its name in a `weights` folder
    beside the data sets; the name of torchvision's own set, such as "IMAGENET1K_V1" or "DEFAULT",
    which is downloaded; or None for random weights, a baseline that shows what the architecture
    alone sees. `frame="pad"` shows the whole photo on a white square, which suits products; "crop"
    cuts the middle out, as the models were trained.
    """

    def __init__(
        self,
        model: str,
        *,
        weights: str | Path | None = "DEFAULT",
        frame: str = "pad",
        seed: int = 0,
    ) -> None:
        from torchvision import models

        known = models.list_models(module=models)  # classifiers alone: no detectors
        if model not in known:
            raise ValueError(f"torchvision has no classifier {model!r}{did_you_mean(model, known)}")
        if frame not in ("pad", "crop"):
            raise ValueError(f'frame is "pad" or "crop", got {frame!r}')
        self._architecture, self._frame, self._seed = model, frame, seed
        self._published = models.get_model_weights(model)
        self._file = self._set = None
        label, sets = f"random seed {seed}", self._published.__members__
        if str(weights).endswith(".safetensors"):
            self._file = find_weights(weights)
            label = self._file.stem
        elif weights is not None:
            if weights not in sets:
                raise ValueError(f"{model} has the weights {list(sets)}, not {weights!r}")
            self._set = sets[weights]
            label = self._set.name
        self.name = f"torchvision:{model}({label},{frame})"

    @functools.cached_property
    def state(self) -> str:  # type: ignore[override]
        """A hash of the weights file; torchvision's own sets carry theirs in the file's name."""
        if self._file:
            return digest_files([self._file])
        return self._set.url if self._set else "random"

    @functools.cached_property
    def preset(self) -> Any:
        """Torchvision's resizing and normalisation for these weights."""
        # V1 is the plain recipe (resize 256, crop 224) that converted weights were trained with
        plain = self._published.__members__.get("IMAGENET1K_V1", self._published.DEFAULT)
        return (self._set or plain).transforms()

    def pixels(self, photo: Image.Image) -> torch.Tensor:
        """What the network reads of a photo, (3, h, w)."""
        from torchvision.transforms.v2.functional import normalize, pil_to_tensor

        preset = self.preset
        if self._frame == "crop":
            return preset(photo)
        size = tuple(preset.crop_size * 2)
        whole = ImageOps.pad(photo, size, color="white", method=Image.Resampling.BILINEAR)
        return normalize(pil_to_tensor(whole).float() / 255, preset.mean, preset.std)

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The network, its last linear layer replaced by the identity, in evaluation mode."""
        import torch
        from torchvision.models import get_model

        with torch.random.fork_rng():
            torch.manual_seed(self._seed)
            try:
                network = get_model(self._architecture, weights=self._set)
            except OSError as error:
                raise RuntimeError(
                    f"the weights of {self._architecture} could not be downloaded ({error}); "
                    f"fetch {self._set.url} elsewhere, convert it to safetensors and pass "
                    "weights=that file, or weights=None"
                ) from error
        if self._file:
            _fill(network, self._file)
        network = without_head(network).eval()
        return network.to(best_device(), memory_format=torch.channels_last)

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """What the network makes of a batch; this layout of memory is faster."""
        import torch

        return self.model(pixels.contiguous(memory_format=torch.channels_last))


class HfPhotoNetwork(Pretrained, PhotoNetwork):
    """What photo models of Hugging Face share: the folder's image processor prepares each photo."""

    kind = "vision model"

    @functools.cached_property
    def processor(self) -> Any:
        """The model's own image processor."""
        return self._load("AutoImageProcessor", "image processor")

    def pixels(self, photo: Image.Image) -> torch.Tensor:
        """What the network reads of a photo, (3, h, w)."""
        return self.processor(photo, return_tensors="pt")["pixel_values"][0]


class HfImageEncoder(HfPhotoNetwork):
    """A vision model's pooled output, (n, hidden size): ViT, DINOv2, ResNet, ConvNeXt, Swin, ….

    That is its own pooler's where the files hold one, else the class token where the model has one,
    else the mean over places.
    """

    def __init__(self, model: str | Path) -> None:
        super().__init__(model)
        self.name = f"hf-image:{Path(model).name}"

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The vision model in evaluation mode."""
        model = self.load_model()
        return getattr(model, "vision_model", model)  # of CLIP and SigLIP the image tower alone

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """What the network makes of a batch."""
        output = self.model(pixel_values=pixels)
        if getattr(output, "pooler_output", None) is not None:
            return output.pooler_output
        places = output.last_hidden_state  # (b, t, d) or (b, d, h, w)
        if places.ndim == 4:
            return places.mean((2, 3))
        names = [name for name, _ in self.model.named_parameters()]
        has_token = any(name.endswith(("cls_token", "class_embedding")) for name in names)
        return places[:, 0] if has_token else places.mean(1)


def without_head(network: torch.nn.Module) -> torch.nn.Module:
    """The network without its last linear layer (in SqueezeNet: convolution)."""
    import torch

    for kind in (torch.nn.Linear, torch.nn.Conv2d):
        names = [name for name, module in network.named_modules() if isinstance(module, kind)]
        if names:
            parent, _, last = names[-1].rpartition(".")
            setattr(network.get_submodule(parent), last, torch.nn.Identity())
            return network
    raise ValueError(f"{type(network).__name__} has neither a linear layer nor a convolution")


def _fill(network: torch.nn.Module, file: Path) -> None:
    """Load a network's weights from a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(file))
    except (SafetensorError, RuntimeError) as error:
        name, reason = type(network).__name__, " ".join(str(error).split())[:300]
        raise ValueError(
            f"{file} does not hold the weights of a {name} as safetensors.torch.save_file writes "
            f"them: {reason}"
        ) from error
