"""Text encoders, on tiny checkpoints written here: pooling, batches, limits, precision; MiniLM as
its makers run it.
"""

from __future__ import annotations

import functools
import shutil
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import numpy as np
import pandas as pd
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2Model,
    PreTrainedTokenizerFast,
)

from lib.data.catalogue import Catalogue
from lib.encoders import encoder, text
from lib.encoders.device import has_bfloat16
from lib.encoders.embeddings import embed
from lib.encoders.text import TextEncoder, minilm
from lib.files import weights_paths
from tests.encoders import titles

WORDS = ["red", "blue", "mug", "cup", "shoe", "large", "small", "canvas"]
TEXTS = [
    "red mug",
    "blue",
    "large blue canvas shoe",
    "cup " * 20,
    "small red cup",
    "unheard of",
    "mug",
]
POSITIONS = 64
SIZES = {
    "num_hidden_layers": 2,
    "hidden_size": 32,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}


def write_checkpoint(folder: Path, kind: str) -> Path:
    """A Transformer with random weights and a tokenizer of eight words; the GPT has no padding
    token.
    """
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] if kind == "bert" else ["[UNK]", "[END]"]
    vocabulary = {word: n for n, word in enumerate([*special, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    torch.manual_seed(0)
    if kind == "bert":
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        fast = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]"
        )
        model = BertModel(
            BertConfig(vocab_size=len(vocabulary), max_position_embeddings=POSITIONS, **SIZES)
        )
    else:
        fast = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, unk_token="[UNK]", eos_token="[END]"
        )
        model = GPT2Model(
            GPT2Config(
                vocab_size=len(vocabulary), n_positions=POSITIONS, n_embd=32, n_layer=2, n_head=4
            )
        )
    for weights in model.parameters():
        weights.data += 0.1 * torch.randn_like(
            weights
        )  # as first drawn, all vectors are near one another
    fast.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("models") / "tiny-bert", "bert")


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("models") / "tiny-gpt", "gpt")


def exact(folder: Path, **options: object) -> TextEncoder:
    return TextEncoder(folder, precision="float32", **options)


@functools.cache
def reference(folder: Path) -> tuple:
    return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


def one_by_one(folder: Path, texts: list[str], pooling: str) -> np.ndarray:
    """Each text alone, so that nothing is padded."""
    tokenizer, model = reference(folder)
    with torch.inference_mode():
        hidden = [
            model(torch.tensor([tokenizer(t)["input_ids"]])).last_hidden_state[0] for t in texts
        ]
    return torch.stack(
        [{"mean": h.mean(0), "cls": h[0], "last": h[-1]}[pooling] for h in hidden]
    ).numpy()


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.mark.parametrize("budget", [24, 8192])
@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
@pytest.mark.parametrize("kind", ["bert", "gpt"])
def test_pooling_equals_each_text_alone(
    kind: str, pooling: str, budget: int, request: pytest.FixtureRequest
) -> None:
    folder = request.getfixturevalue(kind)
    made = exact(folder, pooling=pooling)
    made.token_budget = budget
    vectors = made.encode(titles(*TEXTS))
    np.testing.assert_allclose(vectors, one_by_one(folder, TEXTS, pooling), atol=1e-5)
    if not (kind == "gpt" and pooling == "cls"):  # a GPT's first token has read nothing else
        assert len(np.unique(vectors.round(3), axis=0)) == len(
            TEXTS
        )  # so the order is kept as well


def test_padding_on_the_left_is_not_taken_over(bert: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bert, tmp_path / "left")
    AutoTokenizer.from_pretrained(bert, padding_side="left").save_pretrained(folder)
    assert AutoTokenizer.from_pretrained(folder).padding_side == "left"
    np.testing.assert_allclose(
        exact(folder).encode_texts(TEXTS), one_by_one(bert, TEXTS, "mean"), atol=1e-5
    )


@pytest.mark.parametrize("budget", [24, 60])
def test_batches_keep_the_token_budget(bert: Path, budget: int) -> None:
    made, shapes = exact(bert), []
    made.token_budget = budget
    made.model.register_forward_pre_hook(
        lambda _, args, given: shapes.append(given["input_ids"].shape), with_kwargs=True
    )
    made.encode_texts(TEXTS)
    assert sum(rows for rows, _ in shapes) == len(TEXTS)
    assert all(rows * width <= budget for rows, width in shapes) and 1 < len(shapes) < len(TEXTS)
    assert shapes[0][1] == 22  # the longest first: 20 words, [CLS] and [SEP]


def test_empty_texts_give_zero_rows(bert: Path) -> None:
    made = exact(bert)
    vectors = made.encode(titles("red mug", None, "  "))
    assert vectors.shape == (3, 32) and vectors[0].any() and not vectors[1:].any()
    assert made.encode(titles(None, "")).shape == (2, 32)
    assert made.encode(titles()).shape == (0, 32)
    assert made.contents(titles("red", None)) == [b"red", None]


def test_texts_are_cut_at_max_tokens(bert: Path) -> None:
    made = exact(bert, max_tokens=4)  # [CLS], two words, [SEP]
    long, short, other = made.encode_texts(["red mug large canvas", "red mug", "red cup"])
    np.testing.assert_allclose(long, short, atol=1e-6)
    assert np.abs(long - other).max() > 1e-3


def test_texts_are_cut_where_the_model_ends(bert: Path) -> None:
    long, cut = exact(bert, max_tokens=256).encode_texts(["mug " * 99, "mug " * (POSITIONS - 2)])
    np.testing.assert_allclose(long, cut, atol=1e-6)


def test_fields_are_joined(bert: Path) -> None:
    shop = Catalogue("c", pd.DataFrame({"title": ["mug"], "brand": ["red"]}, index=["a"]))
    made = encoder(f"hf:{bert}", fields=("brand", "title"), precision="float32")
    np.testing.assert_allclose(made.encode(shop), one_by_one(bert, ["red mug"], "mean"), atol=1e-5)
    assert made.fit(shop) is made


def test_the_name_spells_out_what_changes_the_vectors(bert: Path) -> None:
    assert exact(bert).name == "hf:tiny-bert(title,mean,256,float32)"
    options = [
        {},
        {"pooling": "cls"},
        {"max_tokens": 9},
        {"fields": ("brand",)},
        {"precision": "bfloat16"},
    ]
    assert len({TextEncoder(bert, **o).name for o in options}) == len(options)


def test_wrong_options(bert: Path) -> None:
    with pytest.raises(ValueError, match=r"pooling is one of .*'mean', 'cls', 'last'.*got 'max'"):
        TextEncoder(bert, pooling="max")
    with pytest.raises(ValueError, match=r"precision is one of .* got 'half'"):
        TextEncoder(bert, precision="half")


def test_auto_precision_keeps_bfloat16_only_where_it_agrees(
    bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text, "has_bfloat16", lambda kind: True)
    expected = exact(bert).encode_texts(TEXTS)
    monkeypatch.setattr(text, "AGREEMENT", -1.0)
    rounded = TextEncoder(bert)
    assert rounded.model.dtype == torch.bfloat16 and rounded.encode_texts(TEXTS).dtype == np.float32
    assert cosine(rounded.encode_texts(TEXTS), expected).min() > 0.99
    monkeypatch.setattr(text, "AGREEMENT", 1.1)  # nothing can agree so well
    fallen_back = TextEncoder(bert)
    assert fallen_back.model.dtype == torch.float32
    np.testing.assert_array_equal(fallen_back.encode_texts(TEXTS), expected)
    assert TextEncoder(bert, precision="bfloat16").model.dtype == torch.bfloat16  # as told
    monkeypatch.setattr(text, "has_bfloat16", lambda kind: False)
    assert TextEncoder(bert).model.dtype == torch.float32


def test_state_follows_the_files_and_not_the_folder(bert: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(bert, tmp_path / "elsewhere" / bert.name)
    assert TextEncoder(moved).state == TextEncoder(bert).state
    embed(exact(bert), titles("red mug"), cache=tmp_path / "cache")
    lazy = exact(moved)
    embed(lazy, titles("red mug"), cache=tmp_path / "cache")
    assert "model" not in vars(lazy)  # the cache had it: nothing was loaded
    model = AutoModel.from_pretrained(moved)
    model.embeddings.word_embeddings.weight.data[5, 0] += 1e-3
    model.save_pretrained(moved)
    assert TextEncoder(moved).state != TextEncoder(bert).state


def test_pickled_weights_are_refused(bert: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bert, tmp_path / "pickled")
    torch.save(AutoModel.from_pretrained(bert).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(
        RuntimeError, match=r"pickled holds no text model that loads: .*safetensors"
    ):
        exact(folder).encode_texts(["mug"])


def test_a_name_that_cannot_be_had_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for name in ("no-such-maker/no-such-model", "models/on/my/disk"):
        made = encoder(f"hf:{name}")  # nothing is fetched before it is needed
        with pytest.raises(
            RuntimeError,
            match=f"'{name}' is no local folder and the hub did not give it.*hf:path/to/folder",
        ):
            made.encode_texts(["mug"])


def test_a_hub_error_without_words_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise TimeoutError

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(RuntimeError, match="TimeoutError"):
        _ = encoder("hf:no-such-maker/no-such-model").folder


@pytest.mark.parametrize(("precision", "agreement"), [("float32", 0.9999), ("auto", 0.999)])
def test_minilm_equals_sentence_transformers(precision: str, agreement: float) -> None:
    sentence_transformers = pytest.importorskip(
        "sentence_transformers", reason="the reference is not installed"
    )
    made = minilm(precision=precision)
    texts = [
        "Blue canvas backpack 20 l",
        "mug",
        "水乳套装",
        "An overly long description of a mug. " * 60,
        "x" * 90,
    ]
    theirs = sentence_transformers.SentenceTransformer(str(made.folder), device="cpu").encode(texts)
    ours = made.encode_texts(texts)
    assert ours.shape == (5, 384)
    assert cosine(ours, theirs).min() > agreement
    assert precision == "float32" or has_bfloat16() or made.model.dtype == torch.float32


def test_minilm_with_other_weights_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(minilm().folder, tmp_path / "model")
    monkeypatch.setattr(
        text, "require", lambda *_: SimpleNamespace(__file__=str(tmp_path / "__init__.py"))
    )
    assert minilm().folder == folder  # an exact copy will do
    with (folder / "model.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)[0]
        file.seek(-1, 2)
        file.write(bytes([last ^ 1]))
    with pytest.raises(
        RuntimeError, match=r"holds weights with SHA-256 .* not all-MiniLM-L6-v2's .*reinstall it"
    ):
        minilm()
    shutil.rmtree(folder)  # 90 MB


def test_a_trained_gpt_gives_its_own_last_token() -> None:
    folder = next((path for path in weights_paths("stories260K") if path.is_dir()), None)
    if folder is None:
        pytest.skip("needs stories260K in a folder weights beside the data sets")
    texts = ["Once upon a time, there was a mug.", "red shoes"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    with torch.inference_mode():
        hidden = [model(**tokenizer(t, return_tensors="pt")).last_hidden_state[0] for t in texts]
    made = encoder("hf:stories260K", pooling="last", precision="float32")
    assert made.name == "hf:stories260K(title,last,256,float32)"
    expected = np.stack([vectors[-1].numpy() for vectors in hidden])
    np.testing.assert_allclose(made.encode(titles(*texts)), expected, atol=1e-4)
