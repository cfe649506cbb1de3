"""A notebook's page reads as a report: code folded, figures named, nothing asked of the network."""

import base64

import nbformat
import pytest

from lib.report.notebook_page import describe_figures, render_page

PIXEL = base64.b64encode(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
        "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    )
).decode()


@pytest.fixture
def report_page(tmp_path, page):
    v4 = nbformat.v4
    code = v4.new_code_cell("secret = 40 + 2\nsecret", execution_count=1)
    code.outputs = [
        v4.new_output("execute_result", {"text/plain": "42"}, execution_count=1),
        v4.new_output("display_data", {"image/png": PIXEL, "text/plain": "<Figure>"}),
    ]
    widget = v4.new_code_cell("panel", execution_count=2)
    widget.outputs = [
        v4.new_output("display_data", {"text/html": "<b id=still>static</b>", "text/plain": "p"})
    ]
    cells = [v4.new_markdown_cell("# Title\n\n## A & B *claims*\n\nProse, $5."), code, widget]
    nbformat.write(v4.new_notebook(cells=cells), tmp_path / "n.ipynb")
    written = render_page(tmp_path / "n.ipynb", title="00_toy")
    assert written == tmp_path / "n.html"
    page.goto(written.as_uri())
    return page


def test_code_is_folded_and_unfolds_alone_or_together(report_page):
    assert report_page.title() == "00_toy"
    assert report_page.get_by_text("42", exact=True).is_visible()
    code = report_page.locator(".highlight")
    assert code.count() == 2 and not code.first.is_visible()
    report_page.locator("summary").first.click()
    assert code.first.is_visible() and not code.nth(1).is_visible()
    report_page.get_by_role("button", name="show all code").click()
    assert code.nth(1).is_visible()
    report_page.get_by_role("button", name="hide all code").click()
    assert not code.first.is_visible()


def test_figures_are_named_by_the_heading_above(report_page):
    assert report_page.locator("img").get_attribute("alt") == "figure: A & B claims"
    assert report_page.locator("#still").is_visible()
    assert "In [" not in report_page.inner_text("body")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_reader_s_light(report_page, scheme):
    report_page.emulate_media(color_scheme=scheme)
    paper = report_page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    dark = sum(int(n) for n in paper[4:-1].split(",")) < 3 * 128
    assert dark == (scheme == "dark")


def test_on_a_phone_nothing_is_wider_than_the_screen(report_page):
    report_page.set_viewport_size({"width": 360, "height": 740})
    assert report_page.evaluate("document.documentElement.scrollWidth") <= 360


def test_descriptions_by_hand():
    png = '<img alt="No description has been provided for this image" src="x">'
    heading = '<h2 id="a">One &amp; <em>"two"</em><a class="anchor-link">¶</a></h2>'
    body = f'{png}{heading}{png}<img src="y" alt="own">'
    described = describe_figures(body)
    assert 'alt="own"' in described
    assert '<img alt="figure: " src' in described
    assert '<img alt="figure: One &amp; &quot;two&quot;" src' in described
