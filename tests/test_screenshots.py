"""Pictures are what the window shows after the scene's actions, and small."""

import pytest
from PIL import Image

from lib import screenshots
from lib.screenshots import Scene, chromium, take

PAGE = "<style>body { background: #fff; margin: 0 } @media (prefers-color-scheme: dark) { body { background: #000 } }</style>"
BUTTON = "<button onclick='document.body.style.background = \"#00ff00\"'>green</button>"


@pytest.fixture
def runs(tmp_path):
    (tmp_path / "a.html").write_text(PAGE + BUTTON)
    return tmp_path


def test_scenes_are_taken_after_their_actions_in_their_size_and_scheme(browser, runs, tmp_path):
    scenes = [
        Scene("light", "a.html", size=(300, 200)),
        Scene("dark", "a.html", size=(300, 200), scheme="dark"),
        Scene("pressed", "a.html", lambda page: page.get_by_text("green").click()),
    ]
    files = take(browser, runs, scenes, target=tmp_path / "pictures")
    assert [file.name for file in files] == ["light.png", "dark.png", "pressed.png"]
    pictures = [Image.open(file).convert("RGB") for file in files]
    assert pictures[0].size == (300, 200)
    assert [p.getpixel((250, 150)) for p in pictures] == [(255, 255, 255), (0, 0, 0), (0, 255, 0)]


def test_a_picture_too_big_to_commit_is_refused(browser, runs, tmp_path, monkeypatch):
    monkeypatch.setattr(screenshots, "BIGGEST", 10)
    with pytest.raises(ValueError, match="show less"):
        take(browser, runs, [Scene("a", "a.html")], target=tmp_path / "pictures")


def test_no_chromium_is_said_with_what_installs_it(monkeypatch):
    pytest.importorskip("playwright")
    monkeypatch.setattr(screenshots.shutil, "which", lambda name: None)
    with pytest.raises(RuntimeError, match="apt-get install chromium"), chromium():
        pass
