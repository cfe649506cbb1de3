"""The gallery shows what rankings found, escapes what shops wrote, and works by mouse and keyboard
without a network.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.sparse import csr_array

from lib import Catalogue, Ranking, Task
from lib.show.figures import save_gallery
from lib.show.gallery import gallery

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def task(tmp_path) -> Task:
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.png")
    (tmp_path / "broken.png").write_text("no picture")
    items = pd.DataFrame(
        {
            "title": ["red mug", EVIL, None, "vase & bowl", "lamp"],
            "price": [1234.5, np.nan, 3.0, 4.0, 5.0],
            "image": [
                str(tmp_path / "a.png"),
                None,
                str(tmp_path / "broken.png"),
                str(tmp_path / "gone.png"),
                None,
            ],
        },
        index=list("abcde"),
    )
    catalogue = Catalogue('shop "one"', items)
    gains = np.array([[0, 2, 0, 1, 0], [1, 0, 0, 0, 0], [0] * 5, [1, 0, 0, 0, 0], [0, 0, 0, 1, 0]])
    return Task("alike <b>", catalogue, catalogue, csr_array(gains), csr_array(np.eye(5)))


@pytest.fixture
def rankings(task) -> dict[str, Ranking]:
    words = np.array([[1, 2, 3], [0, 2, -1], [0, 1, 3], [0, 1, 2], [0, 1, 2]])
    photo = np.array([[4, 3, 2], [-1, -1, -1], [4, 3, 0], [1, 2, 0], [3, 1, 0]])
    return {
        name: Ranking(
            name, p, np.where(p >= 0, 0.9 - 0.1 * np.arange(3), -np.inf).astype(np.float32)
        )
        for name, p in {"words": words, f"{EVIL} photo": photo}.items()
    }


def test_cards_hold_price_score_and_gain_by_hand(task, rankings):
    scene = gallery(task, rankings, [0], k=2).scenes[0]
    query = scene.query
    assert (query.id, query.title, query.price) == ("a", "red mug", "1,234.50")
    assert scene.relevant == 2
    first, second = scene.columns["words"]
    assert (first.id, first.title, first.price, first.gain) == ("b", EVIL, "", 2.0)
    assert (second.id, second.title, second.gain) == ("c", "(no title)", 0.0)
    assert first.score == pytest.approx(0.9)
    assert scene.query.photo.startswith("data:image/jpeg;base64,")


def test_padding_and_nothing_relevant(task, rankings):
    lonely, unjudged = gallery(task, rankings, [1, 2]).scenes
    assert [c.id for c in lonely.columns["words"]] == ["a", "c"]
    assert lonely.columns[f"{EVIL} photo"] == []
    assert "Finds nothing" in lonely.html()
    assert unjudged.relevant == 0
    gains = {card.gain for card in unjudged.columns["words"]}
    assert gains == {None}  # not a miss: there is nothing to find
    assert "✗" not in unjudged.html() and "no neighbour is marked" in unjudged.html()


def test_queries_by_position_id_or_not_at_all(task, rankings):
    chosen = gallery(task, rankings, ["c", 0, np.int64(4)])
    assert [scene.query.id for scene in chosen.scenes] == ["c", "a", "e"]
    assert len(gallery(task, rankings).scenes) == 5
    assert "No query product" in gallery(task, rankings, []).page()


def test_wrong_queries_and_rankings_are_named(task, rankings):
    with pytest.raises(KeyError, match=r"no product with id .*zzz"):
        gallery(task, rankings, ["zzz"])
    with pytest.raises(IndexError, match="5 products, there is no position 5"):
        gallery(task, rankings, [5])
    with pytest.raises(ValueError, match="'short' answers 1 queries"):
        gallery(task, {"short": Ranking("short", np.zeros((1, 2), int), np.zeros((1, 2)))})


def test_what_shops_write_stays_text(task, rankings):
    for html in (gallery(task, rankings).page(), gallery(task, rankings)._repr_html_()):
        assert EVIL not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "alike <b>" not in html
        assert len(re.findall("<script", html)) == 2  # the photos and ours


def test_one_query_needs_no_choice_and_a_fragment_is_no_page(task, rankings):
    html = gallery(task, rankings, [0])._repr_html_()
    assert "<select" not in html and "<html" not in html
    assert html == gallery(task, rankings, [0])._repr_html_()  # no random ids


def test_it_is_kept_in_the_run_and_only_there(task, rankings, tmp_path, monkeypatch):
    shown = gallery(task, rankings, [0])
    monkeypatch.delenv("AKIN_RUN", raising=False)
    save_gallery("look", shown)
    assert not (tmp_path / "run").exists()
    monkeypatch.setenv("AKIN_RUN", str(tmp_path / "run"))
    save_gallery("look", shown)
    assert (tmp_path / "run" / "figures" / "look.html").read_text(encoding="utf-8") == shown.page()


@pytest.fixture
def opened(task, rankings, tmp_path, page):
    (tmp_path / "look.html").write_text(gallery(task, rankings).page(), encoding="utf-8")
    page.goto((tmp_path / "look.html").as_uri())
    return page


def title(page) -> str:
    return page.locator("section:visible .akin-query .akin-title").inner_text()


def test_the_page_shows_one_product_and_marks_hits_in_words(opened):
    assert opened.locator("section:visible").count() == 1
    assert title(opened) == "red mug"
    column = opened.locator("section:visible .akin-column").first
    marks = column.locator(".akin-mark").all_inner_texts()
    assert marks == ["✓ relevant, gain 2", "✗ not relevant", "✓ relevant"]
    assert column.locator(".akin-name").inner_text() == "words 2 of 3 relevant"
    assert opened.locator("img:not([alt])").count() == 0
    assert opened.locator("section:visible img:not([src])").count() == 0


def test_a_product_is_chosen_from_the_list_and_by_buttons(opened):
    opened.get_by_label("Query product", exact=True).select_option("3")
    assert title(opened) == "vase & bowl"
    photos = "[...document.querySelectorAll('section:not([hidden]) img')]"
    assert opened.evaluate(f"{photos}.every(image => image.naturalWidth === 128)")
    opened.get_by_role("button", name="next").click()
    assert title(opened) == "lamp"
    opened.get_by_role("button", name="next").click()
    assert title(opened) == "red mug"  # round again
    opened.get_by_role("button", name="previous").click()
    assert title(opened) == "lamp"


def test_the_keyboard_alone_searches_and_steps(opened):
    opened.keyboard.press("Tab")
    opened.keyboard.type("SCRIPT")
    assert title(opened) == EVIL
    assert opened.get_by_role("status").inner_text() == "1 product"
    opened.keyboard.type(" nothing like it")
    assert opened.get_by_role("status").inner_text() == "0 products"
    assert title(opened) == EVIL  # the last one stays in sight
    for _ in " nothing like itSCRIPT":
        opened.keyboard.press("Backspace")
    assert opened.get_by_role("status").inner_text() == "5 products"
    opened.keyboard.press("ArrowDown")
    assert title(opened) == "(no title)"
    opened.keyboard.press("ArrowUp")
    assert title(opened) == EVIL


def test_the_same_product_is_outlined_in_every_column(opened):
    opened.locator("section:visible li[data-product='d']").first.hover()
    assert opened.locator("section:visible li.akin-same").count() == 2
    opened.locator(".akin-query:visible").hover()
    assert opened.locator("li.akin-same").count() == 0


def test_on_a_phone_nothing_is_wider_than_the_screen(opened):
    opened.set_viewport_size({"width": 360, "height": 740})
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable_by_day_and_night(opened, scheme):
    opened.emulate_media(color_scheme=scheme)
    paper = np.array(rgb(opened.evaluate("getComputedStyle(document.body).backgroundColor")))
    for part in (
        ".akin-query .akin-title",
        ".akin-soft",
        ".akin-hit .akin-mark",
        ".akin-miss .akin-mark",
    ):
        colour = opened.locator(f"section:visible {part}").first.evaluate(
            "e => getComputedStyle(e).color"
        )
        assert contrast(np.array(rgb(colour)), paper) >= 4.5, part


def rgb(css: str) -> list[float]:
    return [int(n) / 255 for n in re.findall(r"\d+", css)[:3]]


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    linear = (np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4) for c in (one, other))
    low, high = sorted(float(c @ [0.2126, 0.7152, 0.0722]) for c in linear)
    return (high + 0.05) / (low + 0.05)


def test_two_of_the_same_on_one_page_both_work(task, rankings, tmp_path, page):
    fragment = gallery(task, rankings)._repr_html_()
    (tmp_path / "two.html").write_text(
        f"<!doctype html><meta charset=utf-8>{fragment}{fragment}", encoding="utf-8"
    )
    page.goto((tmp_path / "two.html").as_uri())
    for at, choice in enumerate(["1", "4"]):
        page.get_by_label("Query product", exact=True).nth(at).select_option(choice)
    assert page.locator("section:visible .akin-query .akin-title").all_inner_texts() == [
        EVIL,
        "lamp",
    ]
