"""Docs are tests: the README's snippet, tree and numbers, and the lists of dependencies, are
held to the truth.
"""

import json
import re
import subprocess
import sys
import tomllib

import pandas as pd

from lib import Catalogue, embed, encoder
from lib.data.published import published
from lib.encoders import REGISTRY
from lib.files import REPORTS, ROOT
from lib.report.parameters import profiles

README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_snippet_prints_what_the_readme_says():
    code = re.search(r"```python\n(.*?)```", README, re.S)[1]
    assert len([line for line in code.splitlines() if line and not line.startswith("#")]) <= 10
    said = [line[1:].split() for line in code.splitlines() if line.startswith("#")]
    # in a process of its own, as a reader runs it
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.splitlines()] == said


def test_the_encoder_of_the_readme_works_in_a_file_of_its_own(tmp_path, monkeypatch):
    code = re.search(r"```\n(import numpy as np\n\nclass Letters.*?)```", README, re.S)[1]
    (tmp_path / "letters.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    titles = {"title": ["abba", "Cab", None]}
    shop = Catalogue("shop", pd.DataFrame(titles, index=list("123")))
    made = embed(encoder("letters:Letters"), shop)
    assert made.vectors.shape == (3, 26)
    assert made.present.tolist() == [True, True, False]


def test_the_tree_names_what_is_there():
    tree = re.search(r"```\nlib/\n(.*?)```", README, re.S)[1]
    named = set(re.findall(r"\w+(?:\.py|/)", tree))
    there = {
        p.name + ("/" if p.is_dir() else "")
        for p in (ROOT / "lib").iterdir()
        if not p.name.startswith("_")
    }
    assert there <= named
    for name in named:
        assert list((ROOT / "lib").rglob(name.rstrip("/"))), name


def test_every_file_fits_in_the_head():
    for path in (ROOT / "lib").rglob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path


def test_the_table_of_encoders_is_the_registry():
    table = README.split("## Encoders")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(.+?)` \| (.+?) \|$", table, re.M))
    assert rows == {name: says for name, (_, says) in REGISTRY.items()}


def test_notebooks_and_commands_in_the_readme_exist():
    from lib.cli import _parser

    listed = {
        f"{number}_{name}"
        for number, name in re.findall(
            r"\b(\d\d) (\w+)", README.split("## Notebooks")[1].split("```")[0]
        )
    }
    assert listed <= set(profiles())
    # a notebook of one's own, which has no reference results, need not be listed
    assert {name for name, known in profiles().items() if "reference" in known} <= listed
    for line in re.findall(r"^\.venv/bin/akin (.*?)(?:#.*)?$", README, re.M):
        assert _parser().parse_args(line.split())
    targets = set(re.findall(r"`?make ([a-z]+)\b", README))
    assert targets <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))


TWO_SHOPS = ("abt-buy", "amazon-google", "walmart-amazon")
FUSED = ("bazaar", "flipkart", "fashion")
MEASURED = README.split("## What has been measured")[1].split("\n## ")[0]


def at(notebook, name, path):
    """A value of the committed results: at("07_matching", "abt-buy", "blocking/x/recall@1")."""
    file = REPORTS / "reference" / notebook / name / "metrics.json"
    value = json.loads(file.read_text(encoding="utf-8"))["results"]
    for key in path.split("/"):
        value = value[key]
    return value


def mean(value, digits=3):
    return f"{value['mean']:.{digits}f}"


def interval(value, digits=3, *, of="mean", prefix=""):
    """A mean, or a difference, with its interval as the README writes it."""
    values = (value[of], value[f"{prefix}low"], value[f"{prefix}high"])
    middle, low, high = (f"{number:.{digits}f}" for number in values)
    return f"{middle} [{low}, {high}]"


def gain(value):
    return interval(value, of="difference", prefix="difference_")


def each(names, notebook, path, write=interval):
    return ", ".join(write(at(notebook, name, path)) for name in names)


def row(task):
    """The README's row about a task."""
    found = re.search(rf"^\| {re.escape(task)}.*\|$", MEASURED, re.M)
    assert found, task
    return found[0]


def f1_of(name, method):
    return published(name, "matching")["f1"][method]


def test_matches_in_another_shop():
    said = row("find a listing of the same product in another shop")
    assert each(TWO_SHOPS, "07_matching", "blocking/lexical sum/recall@1") in said
    known = [published(name, "blocking")["recall@1"] for name in TWO_SHOPS]
    assert all(len(recall) == 14 for recall in known)
    assert ", ".join(f"{recall.max():.4f}" for recall in known) in said
    assert gain(at("02_encoders", "product1m", "encoders/words/ndcg@10")) in said


def test_pairs_and_how_they_stand_to_published_matchers():
    said, path = row("say whether two listings"), "matching/without rank features/f1"
    assert each(TWO_SHOPS, "07_matching", path) in said
    for method, digits in (("GPT-4o-mini fine-tuned", 4), ("Ditto", 3)):
        theirs = ", ".join(f"{f1_of(name, method):.{digits}f}" for name in TWO_SHOPS)
        assert f"{method} {theirs}" in said
    stands = {"Ditto": [], "GPT-4o-mini fine-tuned": []}
    for name in TWO_SHOPS:
        ours = at("07_matching", name, path)
        for method, found in stands.items():
            theirs = f1_of(name, method)
            says = "behind" if theirs < ours["low"] else "level"
            found.append("ahead" if theirs > ours["high"] else says)
    assert stands["Ditto"] == ["level", "level", "level"]
    assert stands["GPT-4o-mini fine-tuned"] == ["ahead", "ahead", "behind"]


def test_fusion():
    said = row("find alike products by text, photo and price")
    assert each(FUSED, "04_fusion", "fusion/tuned concatenation/ndcg@10") in said
    single = []
    for name in FUSED:
        known = profile_encoders("04_fusion", name)
        values = at("04_fusion", name, "fusion")
        single.append(max(v["ndcg@10"]["mean"] for m, v in values.items() if m in known))
    assert f"best single encoder: {', '.join(f'{value:.3f}' for value in single)}" in said
    assert each(FUSED[1:], "04_fusion", "fusion/text, learned/ndcg@10", mean) in said


def profile_encoders(notebook, name):
    runs = profiles()[notebook]["reference"]
    return next(run["ENCODERS"] for run in runs if run["DATASET"] == name)


def test_recommendation():
    said, known = row("guess a shopper's next purchase"), published("beauty", "next-item")
    ours = at("09_recommendation", "beauty", "next_item/hybrid without content")
    hits, ndcg = ours["hit@10"], ours["ndcg@10"]
    assert f"{interval(hits, 4)}, {interval(ndcg, 4)}" in said
    popular = at("09_recommendation", "beauty", "popularity")
    counted = [popular[m]["training and validation"] for m in ("hit@10", "ndcg@10")]
    assert f"popularity {counted[0]:.3f}, {counted[1]:.3f}" in said
    for says, method in (("sampled softmax", "SASRec+SS"), ("eSASRec", "eSASRec")):
        rival = known.loc[method]
        assert f"{says} {rival['hit@10']:.4f}, {rival['ndcg@10']:.4f}" in said
        assert hits["low"] < rival["hit@10"] < hits["high"]  # level by hits
        assert rival["ndcg@10"] < ndcg["low"]  # ahead by nDCG
    assert known["ndcg@10"].idxmax() == "SASRec+SS"
    assert known["hit@10"].idxmax() == "eSASRec"


def test_support():
    said = row("answer a customer's question")
    ours = at("10_support", "bazaar", "shops_and_sentences/assistant")
    words = at("10_support", "bazaar", "reworded/nearest by words")
    assert f"found {interval(ours['hit@3'])}, rightly declined {interval(ours['declined'])}" in said
    assert f"tuned: {mean(words['hit@3'])}, {mean(words['declined'])}" in said


def test_what_else_was_found():
    said = " ".join(MEASURED.split())
    for method in ("tuned", "lexical sum", "lexical sum + tuned"):
        assert each(TWO_SHOPS, "05_finetuning", f"search/{method}/recall@1", mean) in said
    towers = at("06_towers", "bazaar", "towers_photo_and_title")
    for method in ("both towers", "colour + HOG + trigrams, learned"):
        assert f"reach {interval(towers[method]['ndcg@10'])}" in said
    misspelt = at("08_search", "bazaar", "misspelt")
    assert f"keeps {misspelt['BM25 + spelling']['0.5']:.3f}" in said
    assert f"character n-grams {misspelt['TF-IDF characters']['0.5']:.3f}" in said
    assert f"fall to {misspelt['hybrid of two']['0.5']:.3f}" in said
    cost, found = (at("02_encoders", "abt-buy", table) for table in ("cost", "encoders"))
    assert f"takes {cost['title potion']['seconds a thousand']:.2f} seconds" in said
    assert f"MiniLM takes {cost['title minilm']['seconds a thousand']:.1f}." in said
    potion, minilm = (mean(found[f"title {n}"]["recall@1"]) for n in ("potion", "minilm"))
    assert f"is {potion}, MiniLM's {minilm}" in said


def test_pictures_in_the_readme_exist():
    for path in re.findall(r"\]\((reports/[^)]+)\)", README):
        assert (ROOT / path).exists(), path


def test_every_dependency_says_who_needs_it_and_is_locked():
    from packaging.requirements import Requirement

    text = (ROOT / "pyproject.toml").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.M))
    locked = {name.replace("_", "-").lower(): version for name, version in locked.items()}
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = PROJECT["project"]["dependencies"] + extras["test"]
    for line in wanted + extras["words"]:
        assert re.search(rf'"{re.escape(line)}",\s+# \S+', text), f"{line}: no reason beside it"
    for line in wanted:  # what is compiled and rarely used is not in the lock of the two commands
        requirement = Requirement(line)
        assert requirement.specifier.contains(locked[requirement.name.replace("_", "-")]), line
    assert not re.search(r"^(nvidia-|cuda-|triton)", (ROOT / "requirements.lock").read_text(), re.M)
    assert "-r requirements.lock" in (ROOT / "environment.yml").read_text()


def test_packages_are_all_installed():
    there = {
        ".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "lib").rglob("__init__.py")
    }
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == there | {"bazaar"}


def test_the_package_is_not_ignored_by_git():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "lib/" not in ignored
    assert "!reports/reference/" in ignored
