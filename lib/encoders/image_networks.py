"""Networks that read photos: torchvision's classifiers and Hugging Face's vision models.

A model comes with its own resizing and normalisation. CLIP's image tower is in `joint.py`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
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

ADVICE = '; a block that a file lacks can be left out by its name: without=["features.7.1"]'


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

    A file may lack the last layer, or hold one for other classes; in half precision it is converted
    to float32. Anything else that it lacks is an error, and so is a layer of zeros, which does
    nothing. `without=["features.7.1"]` leaves out such blocks, and `name` says so: what reaches
    them is passed on, so their input and output must have one shape.
    """

    def __init__(
        self,
        model: str,
        *,
        weights: str | Path | None = "DEFAULT",
        frame: str = "pad",
        without: Sequence[str] = (),
        seed: int = 0,
    ) -> None:
        from torchvision import models

        known = models.list_models(module=models)  # classifiers alone: no detectors
        if model not in known:
            raise ValueError(f"torchvision has no classifier {model!r}{did_you_mean(model, known)}")
        if frame not in ("pad", "crop"):
            raise ValueError(f'frame is "pad" or "crop", got {frame!r}')
        self._architecture, self._frame, self._seed = model, frame, seed
        self._without = tuple(without)
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
        lacks = "".join(f",without {block}" for block in without)
        self.name = f"torchvision:{model}({label},{frame}{lacks})"

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
        """The network in evaluation mode; the identity stands for its last linear layer."""
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
        whole = network.state_dict().keys()
        network = without_head(network)
        for block in self._without:
            _leave_out(network, block)
        if self._file:
            _fill(network, self._file, ignored=whole - network.state_dict().keys())
        return network.eval().to(best_device(), memory_format=torch.channels_last)

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


def _leave_out(network: torch.nn.Module, block: str) -> None:
    """Put the identity in a block's place."""
    import torch

    known = [name for name, _ in network.named_modules() if name]
    if block not in known:
        name = type(network).__name__
        raise ValueError(f"a {name} has no block {block!r}{did_you_mean(block, known)}")
    network.set_submodule(block, torch.nn.Identity())


def _fill(network: torch.nn.Module, file: Path, *, ignored: Collection[str]) -> None:
    """Load a network's weights from a safetensors file, but for those ignored."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        weights = {name: w for name, w in load_file(file).items() if name not in ignored}
        network.load_state_dict(weights)
    except (SafetensorError, RuntimeError) as error:
        name, reason = type(network).__name__, " ".join(str(error).split())[:300]
        raise ValueError(
            f"{file} does not hold the weights of a {name} as safetensors.torch.save_file writes "
            f"them: {reason}{ADVICE}"
        ) from error
    silent = [name for name, w in weights.items() if w.ndim > 1 and not w.any()]
    if silent:  # whoever converted the file had no weights to put there
        raise ValueError(f"{file} holds nothing but zeros in {', '.join(silent)}{ADVICE}")
