"""The page over all runs, opened from a file in Chromium: sorted, filtered, compared, swept, by
mouse and by keyboard.
"""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from lib.metrics import Comparison
from lib.metrics.statistics import compare, holm, randomisation_test
from lib.report import index_page as index
from lib.report.index_page import write_index
from lib.report.recording import plain
from lib.report.scores_js import packed, write_queries
from tests.report.test_index import RUN

EVIL = "<script>alert(1)</script>"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><path d="M0 9 9 0"/></svg>'


def scores(shift=0.0, seed=0, n=90):
    """Per-query rows of two methods; `shift` moves one of them."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, moved in (("words", 0.0), (EVIL, shift)):
        values = np.clip(rng.normal(0.5 + moved, 0.2, (n, 2)), 0, 1)
        values[::10] = np.nan
        made[name] = pd.DataFrame(
            values, columns=["hit@1", "ndcg@10"], index=[f"q{i}" for i in range(n)]
        )
    return made


CLUSTERS = np.arange(90) // 2


def write_run(reports, run, results, *, asked=None, **changes):
    folder = reports / run / changes.get("notebook", "02_x")
    (folder / "figures").mkdir(parents=True)
    (folder / "figures" / "curve.svg").write_text(SVG)
    (folder / "notebook.html").write_text("<h1>the notebook</h1>")
    asked = asked or {}
    metrics = (
        RUN
        | {"asked": asked, "parameters": {"SEED": 0, "ROWS": 5, **asked}, "results": plain(results)}
        | changes
    )
    (folder / "metrics.json").write_text(json.dumps(metrics))
    write_queries(dict(packed(results)), folder)
    return folder


def results(**options):
    task = options.pop("task", "t")
    made = scores(**options)
    table = compare(made, baseline="words", clusters=CLUSTERS)
    return {"set": {"task": Comparison(table, made, {}, CLUSTERS, task)}}


@pytest.fixture(scope="module")
def five(tmp_path_factory):
    """Five runs: three that answer the same queries, one with others, one that failed."""
    folder = tmp_path_factory.mktemp("five")
    four = [
        ("a", 0.0, "t", 9.5),
        ("b", 0.3, "t", 10.25),
        ("c", 0.01, "t", 100.0),
        ("other", 0.1, "u", 2.0),
    ]
    for i, (run, shift, task, seconds) in enumerate(four):
        write_run(
            folder,
            run,
            results(shift=shift, seed=i, task=task),
            asked={"SEED": i % 2, "ROWS": 5 + i // 2},
            seconds=seconds,
        )
    error = {"cell": 3, "source": f"search('{EVIL}')", "name": "TypeError", "message": f"no {EVIL}"}
    write_run(
        folder,
        "broken",
        {},
        status="failed",
        error=error,
        notebook="03_y",
        parameters={"TITLE": EVIL},
    )
    (folder / "a" / "02_x" / "figures" / "gallery.html").write_text("<p>neighbours</p>")
    return folder


@pytest.fixture
def runs(five, tmp_path):
    return shutil.copytree(five, tmp_path / "reports")


@pytest.fixture
def opened(page, runs):
    page.goto(write_index(runs).as_uri())
    return page


def listed(page):
    return page.locator("tr.run .name span").all_inner_texts()


def pick(page, *names):
    for name in names:
        page.get_by_label(f"Compare 02_x, {name}", exact=True).check()


def test_sorting_by_a_click_on_the_head_and_back(opened):
    head = opened.locator("th[data-name=seconds]")
    head.get_by_role("button").click()
    assert listed(opened) == ["broken", "other", "a", "b", "c"]
    assert head.get_attribute("aria-sort") == "ascending"
    head.get_by_role("button").click()
    assert listed(opened) == ["c", "b", "a", "other", "broken"]
    assert head.get_attribute("aria-sort") == "descending"
    opened.locator("th[data-name=result] button").click()
    assert listed(opened)[0] == "b"
    assert listed(opened)[-1] == "broken"  # without a value: last
    opened.locator("th[data-name=result] button").click()
    assert listed(opened)[-1] == "broken"  # either way


def test_searching_and_filtering_leave_what_fits(opened):
    opened.get_by_label("Search runs").fill("rows=6 SEED=1")
    assert listed(opened) == ["other"]
    assert opened.locator("#count").inner_text() == "1 of 5 runs"
    opened.get_by_label("Search runs").fill("typeerror")
    assert listed(opened) == ["broken"]
    opened.get_by_label("Search runs").fill("nothing has this")
    assert opened.get_by_text("No run fits").is_visible()
    opened.get_by_label("Search runs").fill("")
    opened.get_by_label("status", exact=True).select_option("failed")
    assert listed(opened) == ["broken"]
    opened.get_by_label("status", exact=True).select_option("")
    opened.get_by_label("notebook", exact=True).select_option("02_x")
    assert sorted(listed(opened)) == ["a", "b", "c", "other"]


def test_the_column_shows_any_measurement(opened):
    opened.get_by_label("result", exact=True).select_option(label="set / task: words · hit@1")
    table = results(seed=0)["set"]["task"].table
    assert (
        f"{table.loc[('hit@1', 'words'), 'mean']:.3f}"
        in opened.locator("tr[data-id='a/02_x'] .result").inner_text()
    )
    assert opened.locator("tr[data-id='broken/03_y'] .result").inner_text() == "–"


def test_a_row_opens_to_all_that_its_run_left(opened):
    row = opened.locator("tr.more")
    opened.get_by_label("Details of 02_x, a").click()
    assert row.get_by_role("img").get_attribute("alt") == "curve, figure of 02_x, a"
    assert (
        row.locator("iframe[title^=gallery]").get_attribute("src") == "a/02_x/figures/gallery.html"
    )
    assert (
        row.get_by_role("link", name="The executed notebook").get_attribute("href")
        == "a/02_x/notebook.html"
    )
    row.get_by_text("2 parameters").click()
    assert row.get_by_role("rowheader", name="ROWS").is_visible()
    opened.get_by_label("Details of 02_x, a").click()
    assert row.count() == 0


def test_a_failed_run_shows_cell_and_error(opened):
    assert "Cell 3: TypeError" in opened.locator("tr.failed .failure").inner_text()
    opened.get_by_label("Details of 03_y, broken").click()
    assert opened.get_by_text("Failed in cell 3").is_visible()
    assert opened.locator("pre").inner_text() == f"search('{EVIL}')"


def test_names_that_look_like_markup_stay_text(opened):
    opened.on("dialog", lambda dialog: pytest.fail("a script of a name ran"))
    opened.get_by_label("Details of 03_y, broken").click()
    opened.get_by_label("Details of 02_x, b").click()
    pick(opened, "a", "b")
    opened.get_by_role("button", name="Compare", exact=True).click()
    assert opened.get_by_role("rowheader", name=EVIL).first.is_visible()
    opened.get_by_role("button", name="Sweeps").click()
    assert opened.locator("select option", has_text=EVIL).count() > 0
    assert opened.locator("script").count() == 2  # data and page


def test_chosen_runs_are_tested_against_each_other_as_statistics_does_it(opened):
    pick(opened, "a", "b", "c")
    opened.get_by_role("button", name="Compare", exact=True).click()
    opened.get_by_text("adjusted by Holm over 4 tests").wait_for()
    assert not {"null", "undefined", "NaN"} & set(opened.locator("main").inner_text().split())
    raw, gaps = [], []
    base = scores(0.0, 0)
    for method in ("words", EVIL):
        for i, shift in ((1, 0.3), (2, 0.01)):
            pair = {
                "base": base[method][["ndcg@10"]],
                "other": scores(shift, i)[method][["ndcg@10"]],
            }
            row = compare(pair, baseline="base", clusters=CLUSTERS).loc[("ndcg@10", "other")]
            gaps.append(row)
            raw.append(row["p"])
    shown = opened.locator("td.one .gap:not(:empty)").all_inner_texts()
    assert len(shown) == 4
    for text, row, p in zip(shown, gaps, holm(np.array(raw)), strict=True):
        assert f"{abs(row['difference']):.3f}" in text
        said = 0.001 if "<" in text else float(text.rpartition(" ")[2])
        assert said == pytest.approx(p, abs=0.001 if p < 0.002 else 0.03)
    assert "▲" in shown[2]  # the moved method of b
    assert "▲" not in shown[3]


def test_the_script_computes_what_statistics_computes(opened):
    rng = np.random.default_rng(3)
    a, b = rng.random((2, 200))
    a[:20] = np.nan
    clusters = np.arange(200) // 4
    for move in (0.0, 0.05, 0.2):
        table = compare(
            {"a": pd.DataFrame({"m": a}), "b": pd.DataFrame({"m": b + move})},
            baseline="a",
            clusters=clusters,
        )
        wanted = table.loc[("m", "b")]
        values = [[None if np.isnan(v) else v for v in x] for x in (a, b + move)]
        call = "([a, b, c]) => pairedTest(a.map((v) => v ?? NaN), b, c)"
        got = opened.evaluate(call, [*values, clusters.tolist()])
        assert got["difference"] == pytest.approx(wanted["difference"], abs=1e-12)
        assert got["low"] == pytest.approx(wanted["difference_low"], abs=0.004)
        assert got["high"] == pytest.approx(wanted["difference_high"], abs=0.004)
        assert got["p"] == pytest.approx(wanted["p"], abs=0.02)
    skewed = rng.exponential(size=12) ** 2  # few and skewed: every term of the interval counts
    both = compare(
        {"a": pd.DataFrame({"m": np.zeros(12)}), "b": pd.DataFrame({"m": skewed})}, baseline="a"
    ).loc[("m", "b")]
    got = opened.evaluate(
        "([b, c]) => pairedTest(b.map(() => 0), b, c)", [skewed.tolist(), list(range(12))]
    )
    width = both["difference_high"] - both["difference_low"]
    assert got["low"] == pytest.approx(both["difference_low"], abs=0.03 * width)
    assert got["high"] == pytest.approx(both["difference_high"], abs=0.03 * width)
    ps = [0.01, 0.04, None, 0.03, 0.5]
    adjusted = opened.evaluate("(ps) => holm(ps.map((p) => p ?? NaN))", ps)
    np.testing.assert_allclose(np.array(adjusted, float), holm(np.array(ps, float)))


@pytest.mark.parametrize(
    "gaps",
    [[0.5], [0.0, 0.0, 0.0], [1, 1, 1, 1, 1, 1, -1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8]],
)
def test_the_scripts_p_in_small_and_tied_cases(opened, gaps):
    call = "(gaps) => pairedTest(gaps.map(() => 0), gaps, gaps.map((_, i) => i)).p"
    assert opened.evaluate(call, gaps) == pytest.approx(
        randomisation_test(np.array(gaps)), abs=0.015
    )


def test_other_queries_get_no_test(opened):
    pick(opened, "a", "other")
    opened.get_by_role("button", name="Compare", exact=True).click()
    opened.get_by_text("can be tested on the same queries").wait_for()
    assert set(opened.locator("td.one .gap:not(:empty)").all_inner_texts()) == {
        "not the same queries"
    }


@pytest.mark.parametrize("room", [0, 10**9], ids=["beside", "within"])
def test_rows_and_figures_come_from_the_page_or_from_beside_it(page, runs, monkeypatch, room):
    monkeypatch.setattr(index, "WITHIN", room)
    page.goto(write_index(runs).as_uri())
    pick(page, "a", "b")
    page.get_by_role("button", name="Compare", exact=True).click()
    page.get_by_text("adjusted by Holm over 2 tests").wait_for()
    picture = page.locator(".beside img").first
    picture.scroll_into_view_if_needed()
    assert picture.get_attribute("src").startswith("a/02_x/" if room == 0 else "data:")
    assert picture.evaluate("(img) => img.decode().then(() => img.naturalWidth)") > 0


def test_a_run_that_kept_no_rows_says_so(page, runs):
    (runs / "b" / "02_x" / "queries.js").unlink()
    page.goto(write_index(runs).as_uri())
    pick(page, "a", "b")
    page.get_by_role("button", name="Compare", exact=True).click()
    said = page.get_by_text("no rows kept: run it again").first
    said.wait_for()
    assert said.is_visible()


def test_the_comparison_names_what_differs_and_sets_figures_beside_each_other(opened):
    pick(opened, "a", "b", "c")
    opened.get_by_role("button", name="Compare", exact=True).click()
    differs = opened.get_by_role("region", name="What differs")
    assert differs.locator("tbody tr").all_inner_texts() == ["SEED\t0\t1\t0", "ROWS\t5\t5\t6"]
    assert opened.locator(".beside").first.get_by_role("img").count() == 3
    assert opened.get_by_text("no figure “gallery”").count() == 2
    opened.get_by_label("metric", exact=True).select_option("hit@1")
    assert (
        opened.get_by_role("region", name="Results").get_by_role("columnheader").first.inner_text()
        == "hit@1"
    )
    opened.get_by_role("radio").nth(1).check()
    assert (
        "baseline"
        in opened.get_by_role("region", name="Results")
        .get_by_role("columnheader")
        .nth(2)
        .inner_text()
    )
    opened.get_by_label("Leave out C").click()
    assert opened.get_by_role("heading", name="2 runs side by side").is_visible()


def test_the_address_opens_what_its_sender_saw(opened, browser):
    pick(opened, "a", "b")
    opened.get_by_role("button", name="Compare", exact=True).click()
    opened.get_by_label("metric", exact=True).select_option("hit@1")
    other = browser.new_page()
    other.goto(opened.url)
    assert other.get_by_role("heading", name="2 runs side by side").is_visible()
    assert other.get_by_label("metric", exact=True).input_value() == "hit@1"
    other.close()


def test_a_sweep_is_a_line_and_a_map(opened):
    opened.get_by_role("button", name="Sweeps").click()
    card = opened.locator(".card")
    assert card.get_by_role("heading").inner_text() == "02_x over ROWS × SEED"
    assert (
        card.get_by_role("img")
        .get_attribute("aria-label")
        .startswith(f"{EVIL} · ndcg@10 over ROWS: 0 5 0.")
    )
    table = results(shift=0.3, seed=1)["set"]["task"].table
    cells = card.locator("table.map tbody tr").nth(1).locator("td")  # SEED=1
    assert cells.nth(0).inner_text() == f"{table.loc[('ndcg@10', EVIL), 'mean']:.3f}"
    assert not {"null", "undefined", "NaN"} & set(card.inner_text().split())
    card.get_by_label("and", exact=True).select_option("")
    assert card.locator("table.map").count() == 0
    assert card.get_by_text("Each point is the mean over SEED (0, 1)").is_visible()


def test_a_failed_point_of_a_sweep_is_no_zero(page, tmp_path):
    for i in range(3):
        failed = {"status": "failed", "error": RUN["error"]} if i == 1 else {}
        write_run(
            tmp_path,
            f"r{i}",
            {} if failed else results(seed=i),
            asked={"ROWS": i, "WAY": "x" if i else "y"},
            **failed,
        )
    page.goto(write_index(tmp_path).as_uri() + "#sweeps")
    assert page.locator("table.map td.failed").all_inner_texts() == ["failed"]
    assert "3 runs, 1 failed" in page.locator(".card .meta").first.inner_text()


def test_by_keyboard_alone(opened):
    opened.keyboard.press("/")
    opened.keyboard.type("rows=5")
    assert sorted(listed(opened)) == ["a", "b"]
    for _ in range(2):
        opened.locator("tr.run input").nth(_).focus()
        opened.keyboard.press("Space")
    opened.locator("#go-compare").focus()
    opened.keyboard.press("Enter")
    assert opened.evaluate("document.activeElement.textContent") == "2 runs side by side"
    opened.keyboard.press("Tab")
    assert opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


def test_every_control_has_a_name(opened):
    pick(opened, "a", "b")
    nameless = """[...document.querySelectorAll("button, input, select, a, iframe, img")].filter(
        (e) => !(e.textContent.trim() || e.labels?.length || e.ariaLabel || e.title || e.alt
                 || e.querySelector("[alt]"))
    ).map((e) => e.outerHTML)"""
    for view in ("runs", "compare", "sweeps"):
        opened.locator(f"#tab-{view}").click()
        assert opened.evaluate(nameless) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_system_and_the_button(opened, scheme):
    opened.emulate_media(color_scheme=scheme)
    paper = "getComputedStyle(document.body).backgroundColor"
    white = opened.evaluate(paper) == "rgb(255, 255, 255)"
    assert white == (scheme == "light")
    opened.get_by_label("Light or dark").click()
    assert (opened.evaluate(paper) == "rgb(255, 255, 255)") != white


def test_on_a_phone_nothing_is_wider_than_the_screen(opened):
    opened.set_viewport_size({"width": 390, "height": 844})
    wide = "document.documentElement.scrollWidth"
    opened.get_by_label("Details of 02_x, a").click()
    assert opened.evaluate(wide) == 390
    pick(opened, "a", "b", "c")
    for view in ("compare", "sweeps"):
        opened.locator(f"#tab-{view}").click()
        assert opened.evaluate(wide) == 390
    opened.locator("#tab-runs").click()
    opened.locator("#sort").select_option("seconds")
    assert listed(opened)[0] == "broken"


def test_five_hundred_runs(page, tmp_path):
    for i in range(500):
        folder = tmp_path / f"r{i:03}" / "02_x"
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(RUN | {"seconds": (i * 37) % 500}))
    page.goto(write_index(tmp_path).as_uri())
    page.locator("th[data-name=seconds] button").click()
    assert page.locator("#count").inner_text() == "500 runs"
    assert listed(page)[:3] == ["r000", "r473", "r446"]
    assert len(listed(page)) < 500  # the rest is drawn as one reads on
    while page.locator("#further").is_visible():
        page.mouse.wheel(0, 20_000)
    assert len(set(listed(page))) == 500
    assert listed(page)[-1] == "r027"


def test_no_run_yet(page, tmp_path):
    page.goto(write_index(tmp_path).as_uri())
    assert page.get_by_text("No run yet: make report").is_visible()
    page.get_by_role("button", name="Sweeps").click()
    assert page.get_by_text("No sweep yet: akin sweep").is_visible()
