"""Docs are tests: the README's snippet, tree and numbers, and the lists of dependencies, are
held to the truth.
"""

import json
import re
import subprocess
import sys
import tomllib

import pandas as pd
import pytest

from lib import Catalogue, embed, encoder, load
from lib.data.published import published
from lib.data.sources import find
from lib.encoders import REGISTRY
from lib.files import REPORTS, ROOT
from lib.report.parameters import profiles
from lib.search.bm25 import Bm25
from lib.tasks.blocking import candidates_needed, recall_by_depth

README = (ROOT / "README.md").read_text(encoding="utf-8")
ENCODERS = {
    "words",
    "trigrams",
    "lsa",
    "lstm",
    "phash",
    "word2vec",
    "minilm",
    "mobilenet",
    "colour",
    "hog",
    "brand",
    "price",
}  # of 04_fusion, each alone
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


def reference(notebook, name):
    """The committed results of a notebook on one data set."""
    file = REPORTS / "reference" / notebook / name / "metrics.json"
    return json.loads(file.read_text(encoding="utf-8"))["results"]


def at(results, path):
    """A value inside nested results: at(r, "blocking/lexical sum/recall@1/mean")."""
    for key in path.split("/"):
        results = results[key]
    return results


def cells(label, after=""):
    """The cells of the README's table row with that label, the first one below `after`."""
    text = README[README.index(after) :]
    row = re.search(rf"^\| {re.escape(label)} \|(.*)\|$", text, re.M)
    assert row, label
    return [cell.strip() for cell in row[1].split("|")]


TWO_SHOPS = ("abt-buy", "amazon-google", "walmart-amazon")
MATCHING = [  # the README's row: the heading above it, its label, notebook, path, digits
    ("Recall@1, no labels", "sum of three lexical cosines, over all fields and over the title",
     "07_matching", "blocking/lexical sum/recall@1/mean", 3),
    ("Recall@1, no labels", "all-MiniLM-L6-v2, the published protocol",
     "07_matching", "blocking/minilm, all fields/recall@1/mean", 3),
    ("F1 of pairs", "trees over features of the pair",
     "07_matching", "matching/without rank features/f1/mean", 3),
    ("F1 of pairs", "the same, and how the pair ranks in both catalogues",
     "07_matching", "matching/all features/f1/mean", 3),
    ("F1 of pairs", "MiniLM frozen, cosine",
     "05_finetuning", "pairs/frozen cosine/f1/mean", 3),
    ("F1 of pairs", "MiniLM fine-tuned, cosine, mean of three seeds",
     "05_finetuning", "pairs/tuned cosine/f1/mean", 3),
    ("F1 of pairs", "fine-tuned MiniLM as features of the pair, trees",
     "05_finetuning", "pairs/features + tuned, pair only/f1/mean", 3),
    ("fine-tuned MiniLM as features", "the same, and how the pair ranks in both catalogues",
     "05_finetuning", "pairs/features + tuned/f1/mean", 3),
    ("never seen", "MiniLM frozen", "05_finetuning", "search/frozen/recall@1/mean", 3),
    ("never seen", "MiniLM fine-tuned", "05_finetuning", "search/tuned/recall@1/mean", 3),
]  # fmt: skip


@pytest.mark.parametrize(("heading", "label", "notebook", "path", "digits"), MATCHING)
def test_numbers_of_two_shops_are_those_of_the_reference_runs(
    heading, label, notebook, path, digits
):
    values = [at(reference(notebook, name), path) for name in TWO_SHOPS]
    assert cells(label, heading) == [f"{value:.{digits}f}" for value in values]


def test_published_numbers_in_the_readme_are_those_of_the_papers():
    blocking = [published(name, "blocking")["recall@1"] for name in TWO_SHOPS]
    assert all(len(recall) == 14 for recall in blocking)
    best = cells("best of 14 published methods, all fields (arXiv:2304.12329)")
    assert best == [f"{recall.max():.4f}" for recall in blocking]
    minilm = cells("all-MiniLM-L6-v2, as published")
    assert minilm == [f"{recall['sminilm']:.4f}" for recall in blocking]
    ditto = [published(name, "matching")["f1"]["Ditto"] for name in TWO_SHOPS]
    assert cells("Ditto, as published") == [f"{f1:.3f}" for f1 in ditto]
    for label, method in (
        ("GPT-4o-mini fine-tuned on the set", "GPT-4o-mini fine-tuned"),
        ("GPT-4o zero-shot", "GPT-4o zero-shot"),
    ):
        f1 = [published(name, "matching")["f1"][method] for name in TWO_SHOPS]
        row = cells(f"{label}, as published (arXiv:2409.08185)")
        assert row == [f"{value:.4f}" for value in f1]


def test_how_the_matcher_stands_to_published_ones_is_what_its_intervals_say():
    fair = [
        reference("07_matching", n)["matching"]["without rank features"]["f1"] for n in TWO_SHOPS
    ]
    assert cells("their interval") == [f"[{f['low']:.3f}, {f['high']:.3f}]" for f in fair]
    stands = {"Ditto": [], "GPT-4o-mini fine-tuned": []}
    for name, ours in zip(TWO_SHOPS, fair, strict=True):
        known = published(name, "matching")["f1"]
        for method, found in stands.items():
            says = "behind" if known[method] < ours["low"] else "level"
            found.append("ahead" if known[method] > ours["high"] else says)
    assert stands["Ditto"] == ["level", "level", "level"]
    assert stands["GPT-4o-mini fine-tuned"] == ["level", "ahead", "behind"]
    for name in TWO_SHOPS:
        tuned = reference("05_finetuning", name)["pairs"]["features + tuned, pair only"]["f1"]
        ahead = published(name, "matching")["f1"]["Ditto"] < tuned["low"]
        assert ahead == (name == "abt-buy")


NEEDED = {  # how many candidates hold 0.99 of all matches: the README's row, the method of 07
    "sum of three lexical cosines, over all fields and over the title": "lexical sum",
    "sum of two lexical cosines, over all fields": "lexical sum, all fields",
    "sum of two lexical cosines, over the title": "lexical sum, title",
    "BM25 over all fields": "bm25, all fields",
    "BM25 over titles": "bm25, title",
    "MiniLM over all fields": "minilm, all fields, exact",
    "MiniLM over titles": "minilm, title, exact",
}


@pytest.mark.parametrize(("label", "method"), NEEDED.items())
def test_candidates_in_the_readme_are_those_of_the_reference_runs(label, method):
    for name, cell in zip(TWO_SHOPS, cells(label, "Candidates a query"), strict=True):
        known = reference("07_matching", name)["candidates"].get(method)
        k = known and known["k"]
        k = (
            k["at"] if isinstance(k, dict) else k
        )  # as runs before the other texts were added have it
        assert cell == (f"{k:.0f}" if known else "–"), name


@pytest.mark.parametrize("text", ["all fields", "title"])
def test_candidates_of_bm25_are_what_the_code_still_gives(text):
    if find("amazon-google") is None:
        pytest.skip("amazon-google is not in AKIN_DATA or data/")
    task = load("amazon-google").tasks["blocking"]
    bm25 = Bm25(fields=[text.replace(" ", "_")]).fit(task.corpus)
    curve = recall_by_depth(bm25.search(task.queries, 300, exclude=task.exclude), task)
    label = next(label for label, method in NEEDED.items() if method == f"bm25, {text}")
    assert cells(label, "Candidates a query")[1] == f"{candidates_needed(curve):.0f}"


def test_fusion_in_the_readme_is_that_of_the_reference_runs():
    results = [reference("04_fusion", name) for name in ("bazaar", "flipkart", "fashion")]
    single = [
        max(
            row["ndcg@10"]["mean"]
            for name, row in r["fusion"].items()
            if name.partition(",")[0] in ENCODERS
        )
        for r in results
    ]
    assert cells("best single encoder") == [f"{value:.3f}" for value in single]
    for label, method in (
        ("concatenation, tuned weights", "tuned concatenation"),
        ("linear map that learns from labels", "linear"),
        ("the same over text alone", "text, learned"),
    ):
        means = [r["fusion"][method]["ndcg@10"]["mean"] for r in results]
        assert cells(label) == [f"{mean:.3f}" for mean in means]


def interval(cell, digits=3):
    """A mean with its interval as the README writes it."""
    mean, low, high = (f"{cell[part]:.{digits}f}" for part in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def test_encoders_in_the_readme_are_those_of_the_reference_run():
    table = reference("02_encoders", "flipkart")["encoders"]
    text, photo, both = (
        table[name]["precision@10"]
        for name in ("minilm, all text", "mobilenet", "minilm, all text + mobilenet")
    )
    row = " ".join(cells("neighbours of the same top-level category, precision@10 (`02_encoders`)"))
    for says, cell in (("equal weights", both), ("text", text), ("photo", photo)):
        assert f"{says} {interval(cell)}" in row
    assert f"adds {both['difference']:.3f}" in row


def test_search_in_the_readme_is_that_of_the_reference_run():
    results = reference("08_search", "bazaar")
    table, lost = results["search"], results["lost"]
    row = " ".join(cells("a query's products, graded by relevance, nDCG@10 (`08_search`)"))
    assert f"weighted, {interval(table['hybrid of two']['ndcg@10'])}" in row
    for method in ("BM25", "MiniLM"):
        assert f"{method} {table[method]['ndcg@10']['mean']:.3f}" in row
    for says, method in (("the mix loses", "hybrid of two"), ("BM25", "BM25")):
        assert f"{says} {lost[method]['ndcg@10 lost at 0.5']['mean']:.3f}" in row


def test_recommendation_in_the_readme_is_that_of_the_reference_run():
    results = reference("09_recommendation", "beauty")
    plain, hybrid, again = (
        results["next_item"][m]
        for m in ("hybrid without content", "hybrid", "hybrid, fitted again")
    )
    popular = [results["popularity"][m]["training and validation"] for m in ("hit@10", "ndcg@10")]
    theirs = published("beauty", "next-item")
    label = "the next purchase, without a neural network, hit@10 and nDCG@10 (`09_recommendation`)"
    row = " ".join(cells(label))
    hits, ndcg = plain["hit@10"], plain["ndcg@10"]
    assert f"only {interval(hits, 4)} and {interval(ndcg, 4)}" in row
    assert f"content {hybrid['hit@10']['mean']:.3f} and {hybrid['ndcg@10']['mean']:.4f}" in row
    assert f"were not, {again['hit@10']['mean']:.3f} and {again['ndcg@10']['mean']:.3f}" in row
    assert f"popularity {popular[0]:.3f} and {popular[1]:.3f}" in row
    for says, method in (("sampled softmax", "SASRec+SS"), ("eSASRec", "eSASRec")):
        rival = theirs.loc[method]
        assert f"{says} {rival['hit@10']:.4f} and {rival['ndcg@10']:.4f}" in row
        assert hits["low"] < rival["hit@10"] < hits["high"]  # level by hits
        assert rival["ndcg@10"] < ndcg["low"]  # ahead by nDCG
    assert theirs["ndcg@10"].idxmax() == "SASRec+SS"
    assert theirs["hit@10"].idxmax() == "eSASRec"


def test_towers_in_the_readme_are_those_of_the_reference_run():
    table = reference("06_towers", "bazaar")["towers"]["photo and title"]
    both, tuned, learned = (
        table[m]["ndcg@10"]
        for m in ("both towers", "colour + HOG + trigrams", "colour + HOG + lsa, learned")
    )
    label = "text and photo networks trained from nothing, families never seen, nDCG@10 "
    row = " ".join(cells(f"{label}(`06_towers`)"))
    assert interval(both) in row
    assert f"tuned, {tuned['mean']:.3f}" in row
    assert f"by the same labels {learned['mean']:.3f}" in row


def test_support_in_the_readme_is_that_of_the_reference_run():
    results = reference("10_support", "bazaar")
    over, words = results["over_shops"]["assistant"], results["reworded"]["nearest by words"]
    row = " ".join(cells("a customer's question, reworded by hand (`10_support`)"))
    assert f"among three answers for {interval(over['reworded: hit@3'])}" in row
    assert f"declined for {interval(over['reworded: declined'])}" in row
    assert f"words {words['hit@3']['mean']:.3f} and {words['declined']['mean']:.3f}" in row


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
