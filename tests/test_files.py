"""Where things lie, and files that appear whole or not at all."""

import os
import subprocess

import pytest

from lib import files


def test_data_folders_are_the_path_list_then_the_projects_own(monkeypatch):
    monkeypatch.setenv("AKIN_DATA", os.pathsep.join(["one", "two"]))
    assert [str(p) for p in files.data_folders()[:2]] == ["one", "two"]
    assert files.data_folders()[-1] == files.DATA
    monkeypatch.delenv("AKIN_DATA")
    assert files.data_folders() == [files.DATA]


def test_weights_are_found_by_path_or_by_name(tmp_path, monkeypatch):
    monkeypatch.setenv("AKIN_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "w.safetensors").touch()
    assert files.find_weights("w.safetensors") == tmp_path / "weights" / "w.safetensors"
    assert files.find_weights(tmp_path / "weights" / "w.safetensors").is_file()
    with pytest.raises(FileNotFoundError, match=r"no weights file 'x\.safetensors'"):
        files.find_weights("x.safetensors")


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "a" / "file"
    files.write_atomically(path, b"old")

    def refuse(*_):
        raise OSError("disk gone")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk gone"):
        files.write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_folder_takes_its_place_whole_or_not_at_all(tmp_path):
    with files.whole_folder(tmp_path / "deep" / "kept") as draft:
        (draft / "a").write_text("one")
    assert (tmp_path / "deep" / "kept" / "a").read_text() == "one"
    with pytest.raises(KeyError), files.whole_folder(tmp_path / "deep" / "kept") as draft:
        (draft / "a").write_text("half")
        raise KeyError
    assert (tmp_path / "deep" / "kept" / "a").read_text() == "one"
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["kept"]  # no drafts


def test_drafts_of_killed_processes_go_and_those_of_others_stay(tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    living = f".run-{os.getpid()}-x"
    for name in (f".run-{gone.pid}-x", living, f".run-{gone.pid}-{os.getpid()}-x", ".run-notes-x"):
        (tmp_path / name).mkdir()
    write(tmp_path / "run", a="one")
    kept = [living, f".run-{gone.pid}-{os.getpid()}-x", ".run-notes-x", "run"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(kept)


def test_what_was_written_before_a_disk_was_full_is_kept(tmp_path):
    says = pytest.raises(RuntimeError, match=r"disk full; what there is lies in .*run-unfinished")
    with says, files.whole_folder(tmp_path / "run") as draft:
        (draft / "a").write_text("hours of work")
        raise OSError("disk full")
    assert (tmp_path / "run-unfinished" / "a").read_text() == "hours of work"
    assert [p.name for p in tmp_path.iterdir()] == ["run-unfinished"]


def write(folder, **texts):
    with files.whole_folder(folder) as draft:
        for name, text in texts.items():
            (draft / name).write_text(text)
    return folder


def test_a_folder_that_akin_wrote_is_replaced_whole(tmp_path):
    for text in ("one", "two"):
        write(tmp_path / "run", a=text)
    assert (tmp_path / "run" / "a").read_text() == "two"
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_what_akin_did_not_write_is_kept_whatever_it_is(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    write(folder, a="one")  # a folder without a list
    (folder / "a").write_text("edited")
    write(folder, a="two")  # a file that was changed
    (folder / files.LIST).write_text("{damaged")
    write(folder, a="three")  # a list that cannot be read
    assert (folder / "a").read_text() == "three"
    assert (tmp_path / "run-kept" / "thesis.tex").read_text() == "years of work"
    assert (tmp_path / "run-kept-2" / "a").read_text() == "edited"
    assert (tmp_path / "run-kept-3" / "a").read_text() == "two"


def test_a_copy_of_what_akin_wrote_is_not_foreign(tmp_path):
    folder = write(tmp_path / "run", a="one")
    (folder / ".ipynb_checkpoints").mkdir()  # as JupyterLab leaves, when a notebook is opened
    (folder / ".ipynb_checkpoints" / "a-checkpoint").write_text("one")
    assert files.foreign_files(folder) == []
    (folder / "link").symlink_to("nowhere")
    assert files.foreign_files(folder) == ["link"]
