"""The command line as a user types it."""

import subprocess
import sys

import pytest
import yaml

from lib import cli


def test_help_names_every_command_and_teaches_by_example(capsys):
    for arguments, words in (
        (["--help"], ["run", "sweep", "report", "index", "data", "doctor"]),
        (["run", "--help"], ["examples: akin run", "ENCODERS.words.encoder=lsa"]),
        (["sweep", "--help"], ["examples: akin sweep", "--retry-failed", "goes on where it was"]),
    ):
        with pytest.raises(SystemExit) as stop:
            cli.main(arguments)
        assert stop.value.code == 0
        shown = capsys.readouterr().out
        shown = " ".join(shown.split())
        assert all(word in shown for word in words)


def test_python_m_lib_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "lib", "data"], capture_output=True, text=True, check=True
    )
    assert "bazaar" in done.stdout
    assert "product1m" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "00_quickstart", "-p", "ROW", "5"], "did you mean 'ROWS'"),
        (["run", "no_such"], "no notebook 'no_such'"),
        (["run", "00_quickstart", "--profile", "huge"], "has the profiles"),
        (["run", "02_encoders", "-p", "ENCODERS.word.encoder=lsa"], "did you mean 'words'"),
        (["run", "00_quickstart", "-p", "FIELDS", "[title"], "-p FIELDS needs YAML, got '[title'"),
        (["sweep", "00_quickstart", "--grid", "SEED"], "NAME=a,b,c"),
        (["sweep", "00_quickstart", "--grid", "SEED=1,[2"], "--grid SEED needs YAML"),
        (["sweep", "00_quickstart", "--grid", "SEEDS=1,2"], "did you mean 'SEED'"),
        (["sweep", "00_quickstart", "--grid", "SEED=1,two"], "SEED is int"),
        (["data", "abt"], "no data set 'abt'"),
    ],
)
def test_mistakes_end_in_one_line_and_status_2(arguments, message, capsys):
    assert cli.main(arguments) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("akin: ")
    assert message in shown


def parsed(*arguments):
    return cli._parser().parse_args(cli._separated(arguments))


def test_parameters_from_file_and_command_line(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(yaml.safe_dump({"ROWS": 1, "SEED": 2}))
    options = parsed(
        "run",
        "x",
        "-f",
        str(file),
        "-p",
        "ROWS",
        "[1, {a: b}]",
        "-p",
        "NAME",
        "text",
        "-p",
        "A.b=x=y",
        "-p",
        "C=",
    )
    assert cli._parameters(options) == {
        "ROWS": [1, {"a": "b"}],
        "SEED": 2,
        "NAME": "text",
        "A.b": "x=y",
        "C": None,
    }


def test_a_value_with_an_equals_sign_after_its_name_stays_one():
    assert cli._parameters(parsed("run", "x", "-p", "QUERY", "a=b")) == {"QUERY": "a=b"}


def test_a_grid_takes_lists_and_nested_values(monkeypatch):
    import lib.report.sweep

    asked = {}
    monkeypatch.setattr(
        lib.report.sweep,
        "sweep",
        lambda notebook, grid, **settings: asked.update(grid, **settings) or stop(),
    )
    assert (
        cli.main(
            [
                "sweep",
                "x",
                "--grid",
                "F=[title],[title,brand]",
                "--grid",
                "E.a=tfidf,lsa",
                "--jobs",
                "3",
                "-p",
                "N=1",
            ]
        )
        == 130
    )
    assert asked["F"] == [["title"], ["title", "brand"]]
    assert asked["E.a"] == ["tfidf", "lsa"]
    assert (asked["jobs"], asked["parameters"], asked["retry_failed"]) == (3, {"N": 1}, False)


def stop():
    raise KeyboardInterrupt("enough")


def test_doctor_finds_this_environment_complete(capsys):
    assert cli.main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "MiniLM weights" in shown
    assert "missing" not in shown.replace("what is missing", "")


def test_doctor_reports_a_lock_that_differs(tmp_path, monkeypatch):
    from lib import doctor

    (tmp_path / "requirements.lock").write_text("numpy==0.1\n")
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    check = doctor._packages()
    assert check.status == doctor.NOTE
    assert "lock: 0.1" in check.detail
    (tmp_path / "requirements.lock").write_text("no-such-package==1.0\n")
    assert doctor._packages().status == doctor.MISSING


def test_a_reader_that_stops_early_is_no_error():
    command = f"{sys.executable} -m lib data | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == "b"
    assert "Traceback" not in done.stderr
