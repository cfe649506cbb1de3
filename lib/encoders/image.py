"""Image encoders: torchvision's classifiers, and three that need no weights (colour histogram, HOG, perceptual hash).

Each brings its own resizing and normalisation. A product without a photo gets a zero row.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lib.catalogue import Catalogue
from lib.encoders.base import count, digest_files
from lib.files import find_weights

if TYPE_CHECKING:
    import torch

BATCH = 16  # photos: larger batches leave the processor's caches and take longer


class PhotoEncoder:
    """What image encoders share: photos in, one vector each. Subclasses set `name` and `_vectors`."""

    modality = "image"
    name: str
    dimensions: int
    grey = False  # whether photos are shown without their colours

    @property
    def state(self) -> str:
        """Nothing is fitted: the name says all."""
        return "fixed"

    def fit(self, train: Catalogue) -> Self:
        """Nothing to learn."""
        return self

    def contents(self, catalogue: Catalogue) -> Sequence[bytes | None]:
        """Each photo's file."""
        return [_read(p) if p else None for p in catalogue.items["image"]]

    def encode(self, catalogue: Catalogue) -> np.ndarray:
        """Vectors (n, dimensions), not normalised. Raises ValueError for a photo that cannot be read."""
        paths = catalogue.items["image"].tolist()
        vectors = np.zeros((len(paths), self.dimensions), np.float32)
        present = [i for i, path in enumerate(paths) if path]
        with ThreadPoolExecutor() as pool:  # Pillow lets go of the interpreter while it decodes
            for first in range(0, len(present), BATCH):
                rows = present[first : first + BATCH]
                vectors[rows] = self._vectors(list(pool.map(self._prepare, [paths[i] for i in rows])))
        return vectors

    def _prepare(self, path: str) -> object:
        return open_photo(path, grey=self.grey)

    def _vectors(self, prepared: list) -> np.ndarray:
        raise TypeError(f"{type(self).__name__} must say how photos become vectors")


class ColourHistogram(PhotoEncoder):
    """Hue-saturation-value histogram of the product's pixels, square-rooted, (n, 256).

    Pixels near the colour of their row's left and right edge count as background: shops photograph before
    plain backdrops. The cosine of two square-rooted histograms is their Bhattacharyya coefficient.
    """

    name = "colour(hsv 16x4x4,foreground)"
    bins = (16, 4, 4)
    dimensions = 256
    distance = 30  # of a pixel's RGB from the backdrop's, 0 to 441

    def _prepare(self, path: str) -> np.ndarray:
        photo = open_photo(path).resize((64, 64))
        rgb = np.asarray(photo, np.float32)  # (64, 64, 3)
        edge = (rgb[:, :3].mean(axis=1) + rgb[:, -3:].mean(axis=1))[:, None] / 2
        product = np.linalg.norm(rgb - edge, axis=2) > self.distance
        if product.mean() < 0.05:  # as good as nothing stands out: take the whole photo
            product[:] = True
        cell = np.asarray(photo.convert("HSV"), np.int64)[product] * np.array(self.bins) // 256  # (p, 3)
        code = (cell[:, 0] * self.bins[1] + cell[:, 1]) * self.bins[2] + cell[:, 2]
        return np.sqrt(np.bincount(code, minlength=self.dimensions) / len(code))

    def _vectors(self, prepared: list[np.ndarray]) -> np.ndarray:
        return np.stack(prepared)


class Hog(PhotoEncoder):
    """Histograms of oriented gradients (Dalal and Triggs 2005) by scikit-image, on 64 x 64 grey, (n, 1764)."""

    name = "hog(64,9,8x8,2x2)"
    dimensions = 7 * 7 * 2 * 2 * 9

    def _prepare(self, path: str) -> np.ndarray:
        from skimage.feature import hog

        grey = np.asarray(open_photo(path).convert("L").resize((64, 64)))
        return hog(grey, orientations=9, pixels_per_cell=(8, 8), cells_per_block=(2, 2))

    def _vectors(self, prepared: list[np.ndarray]) -> np.ndarray:
        return np.stack(prepared)


class PerceptualHash(PhotoEncoder):
    """ImageHash's phash: 64 signs of a photo's lowest frequencies as +1 and -1, (n, 64).

    The cosine of two is 1 - 2 * Hamming distance / 64: 1 for the same photo in another size or compression,
    about 0 for two that have nothing in common.
    """

    name = "phash(8x8)"
    dimensions = 64

    def _prepare(self, path: str) -> np.ndarray:
        from imagehash import phash

        return np.where(phash(open_photo(path)).hash.ravel(), 1.0, -1.0)

    def _vectors(self, prepared: list[np.ndarray]) -> np.ndarray:
        return np.stack(prepared)


class TorchvisionEncoder(PhotoEncoder):
    """A torchvision classifier without its last layer, (n, features), with its own size and normalisation.

    `weights` is a local safetensors file (a path, or a file name that lies in a `weights` folder beside the
    data sets), the name of torchvision's own set such as "IMAGENET1K_V1" or "DEFAULT", which is downloaded, or
    None for random weights, a baseline that shows what the architecture alone sees. `frame="pad"` shows the
    whole photo on a white square, which suits products; "crop" cuts the middle out, as the models were trained.
    `grey=True` takes the colours out, to show what shape alone says.
    """

    def __init__(
        self, model: str, *, weights: str | Path | None = "DEFAULT", frame: str = "pad", grey: bool = False, seed: int = 0
    ) -> None:
        import torchvision.models as zoo

        known = zoo.list_models(module=zoo)  # classifiers alone: no detectors, no optical flow
        if model not in known:
            import difflib

            near = difflib.get_close_matches(model, known, n=3, cutoff=0.5)
            raise ValueError(f"torchvision has no classifier {model!r}; close: {', '.join(near) or 'none'}")
        if frame not in ("pad", "crop"):
            raise ValueError(f'frame is "pad" or "crop", got {frame!r}')
        self._model_name, self._frame, self._seed, self.grey = model, frame, seed, grey
        self._sets = zoo.get_model_weights(model)
        self._file = find_weights(weights) if str(weights).endswith(".safetensors") else None
        self._set = None if weights is None or self._file else self._weights_set(str(weights))
        label = f"random seed {seed}" if weights is None else self._file.stem if self._file else self._set.name
        self.name = f"torchvision:{model}({label},{frame}{',grey' if grey else ''})"

    def _weights_set(self, name: str):  # noqa: ANN202 - an enum of torchvision's
        if name not in self._sets.__members__:
            raise ValueError(f"{self._model_name} has the weights {list(self._sets.__members__)}, not {name!r}")
        return self._sets[name]

    @functools.cached_property
    def state(self) -> str:  # type: ignore[override]
        """A hash of the weights file; torchvision's own sets carry theirs in the file's name."""
        if self._file:
            return digest_files([self._file])
        return self._set.url if self._set else "random"

    @functools.cached_property
    def _transform(self) -> Callable[[Image.Image], torch.Tensor]:
        # V1 is the plain recipe (resize 256, crop 224) that converted weights were trained with
        preset = (self._set or self._sets.__members__.get("IMAGENET1K_V1") or self._sets.DEFAULT).transforms()
        if self._frame == "crop":
            return preset
        from torchvision.transforms.v2.functional import normalize, pil_to_tensor

        side = preset.crop_size[0]

        def whole(photo: Image.Image) -> torch.Tensor:
            padded = ImageOps.pad(photo, (side, side), color="white", method=Image.Resampling.BILINEAR)
            return normalize(pil_to_tensor(padded).float() / 255, preset.mean, preset.std)

        return whole

    @functools.cached_property
    def model(self) -> torch.nn.Module:
        """The network, its last linear layer replaced by the identity, in evaluation mode."""
        import torch
        from torchvision.models import get_model

        with torch.random.fork_rng():
            torch.manual_seed(self._seed)
            try:
                network = get_model(self._model_name, weights=self._set)
            except OSError as error:
                raise RuntimeError(
                    f"the weights of {self._model_name} could not be downloaded ({error}); fetch {self._set.url} "
                    "elsewhere, convert it to safetensors and pass weights=that file, or weights=None"
                ) from error
        if self._file:
            self._load(network, self._file)
        return without_head(network).eval().to(memory_format=torch.channels_last)

    def _load(self, network: torch.nn.Module, file: Path) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            network.load_state_dict(load_file(file))
        except SafetensorError as error:
            raise ValueError(
                f"{file} is no safetensors file ({error}); convert the weights with safetensors.torch.save_file"
            ) from error
        except RuntimeError as error:
            raise ValueError(
                f"{file} does not hold the weights of {self._model_name}: {str(error).splitlines()[1].strip()}"
            ) from error

    @property
    def parameters(self) -> int:
        """How many weights the network has, without its last layer."""
        return count(self.model)

    @functools.cached_property
    def dimensions(self) -> int:  # type: ignore[override]
        """How many features the network gives."""
        from PIL import Image

        return self._vectors([self._transform(Image.new("RGB", (256, 256)))]).shape[1]

    def _prepare(self, path: str) -> torch.Tensor:
        return self._transform(open_photo(path, grey=self.grey))

    def _vectors(self, prepared: list[torch.Tensor]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.stack(prepared).to(memory_format=torch.channels_last)
            return self.model(batch).flatten(1).numpy()  # (b, 3, h, w) -> (b, d)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # Path.read_bytes takes twice as long for small files
        return file.read()


def without_head(network: torch.nn.Module) -> torch.nn.Module:
    """The network with its last linear layer (in SqueezeNet: convolution) replaced by the identity."""
    import torch

    kinds = (torch.nn.Linear, torch.nn.Conv2d)
    for kind in kinds:
        names = [name for name, module in network.named_modules() if isinstance(module, kind)]
        if names:
            parent, _, last = names[-1].rpartition(".")
            setattr(network.get_submodule(parent), last, torch.nn.Identity())
            return network
    raise ValueError(f"{type(network).__name__} has neither a linear layer nor a convolution")


def open_photo(path: str | Path, *, grey: bool = False) -> Image.Image:
    """The photo upright, as RGB, transparency on white, `grey` of equal channels. Raises ValueError where it is unreadable."""
    try:
        with Image.open(path) as photo:
            photo = ImageOps.exif_transpose(photo)
            if photo.mode.startswith("I"):  # 16-bit grey, which Pillow would cut off at 255
                photo = Image.fromarray((np.asarray(photo, np.int64) >> 8).clip(0, 255).astype(np.uint8))
            if photo.mode in ("RGBA", "LA", "PA") or "transparency" in photo.info:
                photo = photo.convert("RGBA")
                photo = Image.alpha_composite(Image.new("RGBA", photo.size, "white"), photo)
            return photo.convert("L").convert("RGB") if grey else photo.convert("RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"photo {path} cannot be read ({error}); replace it or leave it out of the catalogue") from error
