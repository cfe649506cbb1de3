"""Cleaning by hand examples; every text encoder cleans when asked, and only then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lib.encoders import encoder
from lib.encoders.clean import clean
from tests.encoders import titles


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("<p>Mug,<br/>350&nbsp;ml</p>", "Mug, 350 ml"),
        ("<B CLASS='x'>Mug</B> &amp; cup", "Mug & cup"),
        ("&lt;b&gt;Mug&lt;/b&gt; &amp;amp; cup", "Mug & cup"),  # escaped once more
        (
            "mug<!-- <b>old</b> --> <style>p {x: 1}</style>cup<script>\nf(1 < 2)\n</script>",
            "mug cup",
        ),
        ("< 5 kg, a < b > c, x<5", "< 5 kg, a < b > c, x<5"),
        ("<5 kg and 3>2", "<5 kg and 3>2"),
        ("it&rsquo;s 5&quot; &euro;9 &#20013;&#x6587;", 'it’s 5" €9 中文'),
        ("AT&T, R&D; <3", "AT&T, R&D; <3"),
        ("ＡＨＣ　２４Ｋ水乳套装", "AHC 24K水乳套装"),
        ("口红，女士【正品】", "口红,女士【正品】"),
        ("ﾊﾞｯｸﾞ ﬁne Größe", "バッグ fine Größe"),
        ("red\x00 \x07mug\t\n  cup\r\n", "red mug cup"),
        ("soft\u00adware zero\u200bwidth \ufeffmark", "software zerowidth mark"),
        ("می\u200cخواهم", "می\u200cخواهم"),  # the joiner belongs to the spelling
        ("Acme™ Mug® 2²", "Acme Mug 22"),
        ("", ""),
        (" \n ", ""),
        ("水", "水"),
    ],
)
def test_by_hand(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned
    assert clean(cleaned) == cleaned


SPECS = ["tfidf", "lsa", "word2vec", "lstm", "hf:folder", "glove:vectors.txt", "clip:folder"]


@pytest.mark.parametrize("spec", SPECS)
def test_every_text_encoder_cleans_when_asked_and_says_so(
    spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("vectors.txt").write_text("mug 1 0\n")
    if spec == "word2vec":
        pytest.importorskip("gensim", reason='needs the extra: pip install -e ".[words]"')
    tower = {"tower": "text"} if spec.startswith("clip") else {}
    shop = titles("<b>The</b>  mug", None, "<br>")
    raw, cleaned = (encoder(spec, **tower, **o) for o in ({}, {"clean": True}))
    assert raw.contents(shop) == [b"<b>The</b>  mug", None, b"<br>"]
    assert cleaned.contents(shop) == [b"The mug", None, None]
    assert raw.name != cleaned.name


def test_markup_makes_no_difference_to_what_is_cleaned() -> None:
    plain, marked = (
        titles("red mug", "blue cup"),
        titles("<i>red</i>&nbsp;mug", "<p>blue</p><p>cup</p>"),
    )
    made = encoder("tfidf", clean=True).fit(plain)
    np.testing.assert_array_equal(made.encode(marked).toarray(), made.encode(plain).toarray())
    raw = encoder("tfidf").fit(plain)
    assert (
        raw.parameters == 4 and raw.fit(marked).parameters == 7
    )  # "i", "nbsp" and "p" count as words


def test_minilm_reads_raw_text_unless_told() -> None:
    """The published numbers were measured so; a change of this default must be a decision."""
    shop = titles("<b>red</b> mug &amp; cup")
    assert encoder("minilm").texts(shop) == ["<b>red</b> mug &amp; cup"]
    assert encoder("minilm", clean=True).texts(shop) == ["red mug & cup"]
    assert encoder("minilm").name == "minilm(title,mean,256,auto)"
