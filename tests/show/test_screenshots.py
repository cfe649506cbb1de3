"""Pictures are what the window shows after a scene's actions, and small enough to commit."""

import pytest
from PIL import Image

from tests import screenshots
from tests.screenshots import Scene, chromium, nothing, take

PAGE = """<style>
body { background: #fff; margin: 0 }
@media (prefers-color-scheme: dark) { body { background: #000 } }
</style>
<button onclick='document.body.style.background = "#00ff00"'>green</button>"""


@pytest.fixture
def address(tmp_path):
    (tmp_path / "a.html").write_text(PAGE)
    return (tmp_path / "a.html").as_uri()


def test_scenes_are_taken_after_their_actions_in_their_size_and_scheme(browser, address, tmp_path):
    def press(page):
        page.get_by_text("green").click()

    scenes = [
        Scene("light", nothing, 200),
        Scene("dark", nothing, 200, "dark"),
        Scene("pressed", press, 200),
    ]
    files = [take(browser, address, scene, tmp_path) for scene in scenes]
    assert [file.name for file in files] == ["light.png", "dark.png", "pressed.png"]
    pictures = [Image.open(file).convert("RGB") for file in files]
    assert pictures[0].size == (1280, 200)
    assert [p.getpixel((250, 150)) for p in pictures] == [(255, 255, 255), (0, 0, 0), (0, 255, 0)]


def test_a_picture_too_big_to_commit_is_refused(browser, address, tmp_path, monkeypatch):
    monkeypatch.setattr(screenshots, "BIGGEST", 10)
    with pytest.raises(ValueError, match="show less"):
        take(browser, address, Scene("a", nothing, 200), tmp_path)


def test_no_chromium_is_said_with_what_installs_it(monkeypatch):
    pytest.importorskip("playwright")
    monkeypatch.setattr(screenshots.shutil, "which", lambda name: None)
    with pytest.raises(FileNotFoundError, match="apt-get install chromium"), chromium():
        pass
