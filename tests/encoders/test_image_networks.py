"""Networks that read photos: torchvision's classifiers and Hugging Face's vision models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
import transformers as hf
from bazaar.photos import Look, Shot, draw
from PIL import Image
from safetensors.torch import load_file, save_file

from lib.encoders import encoder
from lib.encoders.embeddings import embed
from lib.encoders.image_networks import without_head
from lib.files import find_weights
from tests.checkpoints import as_pickle, write_joint, write_vision
from tests.encoders import cosines, noise, photos

pytestmark = pytest.mark.usefixtures("one_thread")
KINDS = ["vit", "vit-classifier", "dinov2", "resnet", "clip-vision", "siglip-vision", "mae"]
SMALL = "squeezenet1_1"  # 1.2 million weights
HEADS = [
    *[
        ("resnet18", "fc", 512),
        ("mobilenet_v2", "classifier.1", 1280),
        ("densenet121", "classifier", 1024),
    ],
    *[
        ("vit_b_16", "heads.head", 768),
        (SMALL, None, 512),
    ],  # a convolution, averaged after it: compared by shape alone
]


def save(folder: Path, name: str, photo: Image.Image, **options: object) -> Path:
    photo.save(folder / name, **options)
    return folder / name


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_file(torchvision.models.get_model(SMALL, weights=None).state_dict(), file)
    return file


@pytest.mark.parametrize(("model", "head", "features"), HEADS)
def test_without_head_gives_what_the_last_layer_read(
    model: str, head: str | None, features: int
) -> None:
    network = torchvision.models.get_model(model, weights=None).eval()
    batch = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        last, logits = head and network.get_submodule(head), network(batch)
        vectors = without_head(network)(batch)
        assert vectors.shape == (1, features)
        if last:
            torch.testing.assert_close(last(vectors), logits)


def test_weights_from_a_file_and_the_preset_of_torchvision(weights: Path, tmp_path: Path) -> None:
    made = encoder(f"torchvision:{SMALL}", weights=weights, frame="crop")
    drawn = [noise(0, 300, 260), noise(0, 90, 200)]
    paths = [save(tmp_path, f"{n}.png", photo) for n, photo in enumerate(drawn)]
    preset = torchvision.models.get_model_weights(SMALL)["IMAGENET1K_V1"].transforms()
    network = torchvision.models.get_model(SMALL, weights=None)
    network.load_state_dict(load_file(weights))
    with torch.inference_mode():
        expected = without_head(network).eval()(torch.stack([preset(p) for p in drawn])).numpy()
    vectors = made.encode(photos(paths[0], None, paths[1]))
    np.testing.assert_allclose(vectors[[0, 2]], expected, rtol=1e-4, atol=1e-5)
    assert not vectors[1].any() and expected.any(axis=1).all()
    assert made.name == f"torchvision:{SMALL}(small,crop)"


def test_padding_shows_the_whole_photo_and_cropping_its_middle(
    weights: Path, tmp_path: Path
) -> None:
    plain = Image.new("RGB", (400, 100), "grey")
    marked = plain.copy()
    marked.paste("red", (0, 0, 60, 100))  # the left end of a wide photo
    shop = photos(save(tmp_path, "plain.png", plain), save(tmp_path, "marked.png", marked))
    for frame, same in (("crop", True), ("pad", False)):
        one, other = encoder(f"torchvision:{SMALL}", weights=weights, frame=frame).encode(shop)
        assert np.array_equal(one, other) == same


def test_weights_are_found_by_name_beside_the_data(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "mine.safetensors").write_bytes(weights.read_bytes())
    monkeypatch.setenv("AKIN_DATA", str(tmp_path))
    assert (
        encoder(f"torchvision:{SMALL}", weights="mine.safetensors").name
        == f"torchvision:{SMALL}(mine,pad)"
    )
    changed = load_file(weights)
    changed["features.0.bias"][0] += 1
    save_file(changed, tmp_path / "mine.safetensors")
    files = ("mine.safetensors", tmp_path / "mine.safetensors")
    assert (
        len({encoder(f"torchvision:{SMALL}", weights=file).state for file in files}) == 2
    )  # of one name, yet two states
    with pytest.raises(FileNotFoundError, match=r"no weights file 'other.safetensors'"):
        encoder(f"torchvision:{SMALL}", weights="other.safetensors")


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    save_file({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    made = encoder(f"torchvision:{SMALL}", weights=tmp_path / "other.safetensors")
    with pytest.raises(
        ValueError,
        match=r"other.safetensors does not hold the weights of a SqueezeNet.*Missing key",
    ):
        made.encode(photos(save(tmp_path, "a.png", noise(0, 8, 8))))


def changed(weights: Path, file: Path, **layers: torch.Tensor | None) -> Path:
    """The same file with these tensors in place of its own, or without them."""
    held = load_file(weights) | {name.replace("__", "."): w for name, w in layers.items()}
    save_file({name: w for name, w in held.items() if w is not None}, file)
    return file


def test_the_last_layer_may_be_missing_or_made_for_other_classes(
    weights: Path, tmp_path: Path
) -> None:
    shop = photos(save(tmp_path, "a.png", noise(0, 90, 90)))
    expected = encoder(f"torchvision:{SMALL}", weights=weights).encode(shop)
    for head in (None, torch.zeros(3, 512, 1, 1)):
        file = changed(weights, tmp_path / "own.safetensors", classifier__1__weight=head)
        own = encoder(f"torchvision:{SMALL}", weights=file)
        np.testing.assert_array_equal(own.encode(shop), expected)


def test_half_precision_is_converted(weights: Path, tmp_path: Path) -> None:
    half = {name: w.half() for name, w in load_file(weights).items()}
    save_file(half, tmp_path / "half.safetensors")
    shop = photos(save(tmp_path, "a.png", noise(0, 90, 90)))
    made = encoder(f"torchvision:{SMALL}", weights=tmp_path / "half.safetensors")
    assert {w.dtype for w in made.model.parameters()} == {torch.float32}
    expected = encoder(f"torchvision:{SMALL}", weights=weights).encode(shop)
    np.testing.assert_allclose(made.encode(shop), expected, rtol=0.02, atol=0.01)


@pytest.mark.parametrize("lacking", [None, torch.zeros(16, 64, 1, 1)])
def test_any_other_layer_that_a_file_lacks_or_zeroes_is_an_error(
    lacking: torch.Tensor | None, weights: Path, tmp_path: Path
) -> None:
    layer = {"features__3__squeeze__weight": lacking}
    file = changed(weights, tmp_path / "cut.safetensors", **layer)
    says = r"features\.3\.squeeze\.weight.*left out by its name: without="
    with pytest.raises(ValueError, match=says):
        _ = encoder(f"torchvision:{SMALL}", weights=file).model


def test_a_block_is_left_out_by_its_name(tmp_path: Path) -> None:
    network = torchvision.models.get_model("mobilenet_v2", weights=None).eval()
    block = "features.3"  # of one shape before and after
    held = {n: w for n, w in network.state_dict().items() if not n.startswith(f"{block}.")}
    save_file(held, tmp_path / "cut.safetensors")
    settings = {"weights": tmp_path / "cut.safetensors", "without": [block]}
    made = encoder("torchvision:mobilenet_v2", **settings)
    assert made.name == "torchvision:mobilenet_v2(cut,pad,without features.3)"
    del network.features[3], network.classifier[1]
    batch = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(made.features(batch), network(batch), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match=r"no block 'feature.3'; did you mean 'features"):
        _ = encoder("torchvision:mobilenet_v2", weights=None, without=["feature.3"]).model


@pytest.mark.parametrize(
    ("model", "file", "without"),
    [
        ("mobilenet_v2", "mobilenet_v2-onnxzoo.safetensors", []),
        ("efficientnet_b4", "efficientnet_b4-imagenet-f16.safetensors", ["features.7.1"]),
    ],
)
def test_published_files_without_a_head_load(model: str, file: str, without: list[str]) -> None:
    try:
        find_weights(file)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    made = encoder(f"torchvision:{model}", weights=file, without=without)
    assert made.dimensions == {"mobilenet_v2": 1280, "efficientnet_b4": 1792}[model]
    if without:
        with pytest.raises(ValueError, match=r"nothing but zeros in features\.7\.1\.block\.0\.0"):
            _ = encoder(f"torchvision:{model}", weights=file).model


def test_a_file_that_is_no_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cut.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(ValueError, match=r"cut\.safetensors"):
        _ = encoder(f"torchvision:{SMALL}", weights=tmp_path / "cut.safetensors").model


def test_wrong_names_and_options() -> None:
    with pytest.raises(ValueError, match="ReLU has neither"):
        without_head(torch.nn.ReLU())
    with pytest.raises(ValueError, match=r"no classifier 'resnet81'; did you mean 'resnet18'"):
        encoder("torchvision:resnet81")
    with pytest.raises(
        ValueError, match=r"resnet18 has the weights \['IMAGENET1K_V1', 'DEFAULT'\], not 'V9'"
    ):
        encoder("torchvision:resnet18", weights="V9")
    with pytest.raises(ValueError, match="frame is"):
        encoder("torchvision:resnet18", weights=None, frame="stretch")


def test_a_model_that_is_no_classifier_is_refused() -> None:
    with pytest.raises(ValueError, match="raft_small"):
        encoder("torchvision:raft_small", weights=None)


def test_a_failed_download_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(torchvision.models._api, "load_state_dict_from_url", fail)
    made = encoder(f"torchvision:{SMALL}")
    assert made.name == f"torchvision:{SMALL}(IMAGENET1K_V1,pad)"  # DEFAULT is spelled out
    with pytest.raises(RuntimeError, match=r"no route to host.*fetch https://.*weights=None"):
        _ = made.model


def test_random_weights_follow_their_seed_and_disturb_no_other(tmp_path: Path) -> None:
    shop = photos(save(tmp_path, "a.png", noise(0, 64, 64)))
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    vectors = [
        encoder(f"torchvision:{SMALL}", weights=None, seed=s).encode(shop) for s in (0, 0, 1)
    ]
    assert torch.rand(1) == expected
    np.testing.assert_array_equal(vectors[0], vectors[1])
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3


def test_imagenet_features_tell_mugs_from_shoes(tmp_path: Path) -> None:
    try:
        find_weights("mobilenet_v2-imagenet.safetensors")
    except FileNotFoundError as error:
        pytest.skip(f"needs MobileNetV2's weights: {error}")
    made = encoder("torchvision:mobilenet_v2", weights="mobilenet_v2-imagenet.safetensors")
    red, blue = (200, 50, 45), (40, 70, 150)
    looks = [
        Look(kind, first, red, "plain", (0.5, 0.5, 0.5))
        for kind in ("mug", "shoe")
        for first in (red, blue)
    ]
    paths = [
        save(tmp_path, f"{n}.png", draw(look, Shot(), size=160)) for n, look in enumerate(looks)
    ]
    alike = cosines(made.encode(photos(*paths)))
    assert (
        min(alike[0, 1], alike[2, 3]) > alike[:2, 2:].max()
    )  # one kind in two colours beats two kinds in one


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("photos")
    paths = [folder / f"{n}.png" for n in range(18)]  # more than a batch
    for n, path in enumerate(paths):
        noise(n, 60 + n, 50).save(path)
    return paths


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("vision")
    return {kind: write_vision(root / kind, kind) for kind in KINDS}


def reference(folder: Path, kind: str, files: list[Path]) -> np.ndarray:
    """What the makers' classes give, photo by photo: the pooler's output, or the token that stands
    for it.
    """
    processor, images = (
        hf.AutoImageProcessor.from_pretrained(folder),
        [Image.open(p).convert("RGB") for p in files],
    )
    model = (
        hf.ViTForImageClassification.from_pretrained(folder).vit
        if kind == "vit-classifier"
        else None
    ) or (hf.AutoModel.from_pretrained(folder))
    rows = []
    with torch.inference_mode():
        for image in images:
            output = model.eval()(**processor(image, return_tensors="pt"))
            token = kind in ("vit-classifier", "mae")
            rows.append(output.last_hidden_state[0, 0] if token else output.pooler_output.flatten())
    return torch.stack(rows).numpy()


@pytest.mark.parametrize("kind", KINDS)
def test_vectors_are_the_makers_pooled_output_in_batches_or_alone(
    kind: str, folders: dict, files: list[Path]
) -> None:
    made = encoder(f"hf-image:{folders[kind]}")
    vectors = made.encode(photos(*files[:17], None))
    assert vectors.shape == (18, 32) and vectors.dtype == np.float32 and not vectors[17].any()
    np.testing.assert_allclose(vectors[:17], reference(folders[kind], kind, files[:17]), atol=1e-4)
    assert np.ptp(vectors[:17], axis=0).max() > 0.05  # the photo matters
    assert made.parameters == sum(p.numel() for p in made.model.parameters())


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_of_a_joint_model_the_image_tower_is_taken(
    family: str, tmp_path: Path, files: list[Path]
) -> None:
    folder = write_joint(tmp_path / family, family)
    model = hf.AutoModel.from_pretrained(folder).vision_model.eval()
    pixels = hf.AutoImageProcessor.from_pretrained(folder)(
        [Image.open(p) for p in files[:3]], return_tensors="pt"
    )
    with torch.inference_mode():
        expected = model(**pixels).pooler_output.numpy()
    np.testing.assert_allclose(
        encoder(f"hf-image:{folder}").encode(photos(*files[:3])), expected, atol=1e-4
    )


def test_a_classifier_without_a_pooler_gives_the_same_twice(
    folders: dict, files: list[Path]
) -> None:
    first, second = (
        encoder(f"hf-image:{folders['vit-classifier']}").encode(photos(files[0])) for _ in range(2)
    )
    np.testing.assert_array_equal(first, second)  # a pooler drawn at random would differ


def test_pickled_weights_are_refused(folders: dict, files: list[Path], tmp_path: Path) -> None:
    made = encoder(f"hf-image:{as_pickle(folders['vit'], tmp_path / 'pickled')}")
    with pytest.raises(
        RuntimeError, match=r"pickled holds no vision model that loads: .*safetensors"
    ):
        made.encode(photos(files[0]))


def test_weights_that_are_not_there_are_named(
    folders: dict, files: list[Path], tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    write_vision(tmp_path / "vit", "vit")
    weights = load_file(tmp_path / "vit" / "model.safetensors")
    gone = next(name for name in weights if "layernorm.weight" in name)
    save_file(
        {k: v for k, v in weights.items() if k != gone},
        tmp_path / "vit" / "model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(RuntimeError, match=rf"its files lack {gone}"):
        encoder(f"hf-image:{tmp_path / 'vit'}").encode(photos(files[0]))


def test_a_folder_without_image_processor_says_so(
    folders: dict, files: list[Path], tmp_path: Path
) -> None:
    write_vision(tmp_path / "vit", "vit")
    (tmp_path / "vit" / "preprocessor_config.json").unlink()
    with pytest.raises(RuntimeError, match="vit holds no image processor that loads"):
        encoder(f"hf-image:{tmp_path / 'vit'}").encode(photos(files[0]))


def test_the_cache_knows_the_weights(folders: dict, files: list[Path], tmp_path: Path) -> None:
    made, again = (encoder(f"hf-image:{folders['resnet']}") for _ in range(2))
    first = embed(made, photos(*files[:3]), cache=tmp_path)
    np.testing.assert_array_equal(
        embed(again, photos(*files[:3]), cache=tmp_path).vectors, first.vectors
    )
    assert "model" not in vars(again)  # the cache had all
    assert encoder(f"hf-image:{folders['vit']}").state != made.state == again.state
