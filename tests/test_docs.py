"""Docs are tests: the README's snippet, tree, sizes and numbers, and the lists of dependencies, are held to the truth."""

import contextlib
import io
import json
import re
import tomllib

import pytest

from lib.datasets.published import published
from lib.files import REPORTS, ROOT

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
    said = [line[1:].strip() for line in code.splitlines() if line.startswith("#")]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})
    assert [line.split() for line in printed.getvalue().splitlines()] == [line.split() for line in said]


def test_the_tree_names_what_is_there():
    tree = re.search(r"```\nlib/\n(.*?)```", README, re.S)[1]
    named = set(re.findall(r"\w+(?:\.py|/)", tree))
    there = {p.name + ("/" if p.is_dir() else "") for p in (ROOT / "lib").iterdir() if not p.name.startswith("_")}
    assert there <= named
    for name in named:
        assert list((ROOT / "lib").rglob(name.rstrip("/"))), name


def test_lib_is_as_big_as_the_readme_says():
    said, drawn = (int(n.replace(",", "")) for n in re.search(r"`lib` has ([\d,]+) lines, besides ([\d,]+)", README).groups())
    sizes = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in (ROOT / "lib").rglob("*.py")}
    bazaar = sum(n for p, n in sizes.items() if "bazaar" in p.parts)
    assert bazaar == pytest.approx(drawn, abs=50)
    assert sum(sizes.values()) - bazaar == pytest.approx(said, abs=50)
    assert max(sizes.values()) <= 300, "a file fits in the head"


def test_notebooks_and_commands_in_the_readme_exist():
    from lib.cli import _parser

    listed = {
        f"{number}_{name}" for number, name in re.findall(r"\b(\d\d) (\w+)", README.split("## Notebooks")[1].split("```")[0])
    }
    assert listed == {p.stem for p in (ROOT / "notebooks").glob("*.ipynb")}
    for line in re.findall(r"^\.venv/bin/akin (.*?)(?:#.*)?$", README, re.M):
        assert _parser().parse_args(line.split())
    targets = set(re.findall(r"`?make ([a-z]+)\b", README))
    assert targets <= set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))


def reference(notebook):
    return json.loads((REPORTS / "reference" / notebook / "metrics.json").read_text())["results"]


def short(value):
    return f"{value:.3f}".removeprefix("0")


def test_blocking_numbers_in_the_readme_are_those_of_the_reference_run():
    sets = ("abt-buy", "amazon-google", "walmart-amazon")
    blocking = reference("06_matching")
    fields = "of all fields and of the title, {}; best of the 14 methods in arXiv:2304.12329, which see all fields, {}"
    for method, label in (("lexical sum", fields), ("minilm, all fields", "{}; published {}")):
        ours = " · ".join(short(blocking[s]["blocking"][method]["recall@1"]["mean"]) for s in sets)
        theirs = [published(s, "blocking")["recall@1"] for s in sets]
        assert all(len(t) == 14 for t in theirs)
        beside = [t.max() if method == "lexical sum" else t["sminilm"] for t in theirs]
        assert label.format(ours, " · ".join(f"{b:.4f}".removeprefix("0") for b in beside)) in README


def test_matching_numbers_in_the_readme_are_those_of_the_reference_run():
    sets = [reference("06_matching")[s] for s in ("abt-buy", "amazon-google", "walmart-amazon")]
    ours, bm25, minilm = (
        " · ".join(f"{s['candidates'][m]['k']['at']:.0f}" for s in sets)
        for m in ("lexical sum", "bm25, all fields", "minilm, title, exact")
    )
    assert f"{ours}; BM25 {bm25}, MiniLM over titles {minilm}" in README
    whole, pair = (
        " · ".join(short(s["matching"][m]["f1"]["mean"]) for s in sets) for m in ("all features", "without standing")
    )
    ditto = " · ".join(short(published(s, "matching")["f1"]["Ditto"]) for s in ("abt-buy", "amazon-google", "walmart-amazon"))
    assert f"standing in both catalogues, {whole}, of the pair alone {pair}; published Ditto {ditto}" in README


def test_finetuning_numbers_in_the_readme_are_those_of_the_reference_run():
    sets = [reference("05_finetuning")[s]["pairs"] for s in ("abt-buy", "amazon-google", "walmart-amazon")]
    alone, frozen, joined, pair = (
        " · ".join(short(s[m]["f1"]["mean"]) for s in sets)
        for m in ("tuned cosine", "frozen cosine", "features + tuned", "features + tuned, pair only")
    )
    assert f"its cosine alone {alone}, frozen {frozen}; as features beside those above {joined}, of the pair " in README
    assert f"of the pair alone {pair} |" in README
    by_set = (reference("05_finetuning")["search"][s]["test"] for s in ("abt-buy", "amazon-google", "walmart-amazon"))
    rows = [" to ".join(short(s[m]["recall@1"]["mean"]) for m in ("frozen", "tuned")) for s in by_set]
    assert f"| {' · '.join(rows)} |" in README


def test_encoder_and_fusion_numbers_in_the_readme_are_those_of_the_reference_run():
    flipkart = reference("02_encoders")["flipkart"]["category"]
    both = flipkart["minilm, all text + mobilenet"]["precision@10"]
    for word, cell in (
        ("text", flipkart["minilm, all text"]["precision@10"]),
        ("photo", flipkart["mobilenet"]["precision@10"]),
        ("both at equal weights", both),
    ):
        assert f"{word} {short(cell['mean'])} [{short(cell['low'])}, {short(cell['high'])}]" in README
    assert f"that is +{short(both['difference'])}" in README
    tests = [reference("04_fusion")[s]["test"] for s in ("bazaar", "flipkart", "fashion")]
    singles = [max(t[e]["ndcg@10"]["mean"] for e in t if e.split(",")[0] in ENCODERS) for t in tests]
    assert f"best single encoder {' · '.join(map(short, singles))}" in README
    names = {
        "tuned concatenation": "tuned concatenation",
        "learned linear map": "linear",
        "the same over text alone": "text, learned",
    }
    for says, method in names.items():
        assert f"{says} {' · '.join(short(t[method]['ndcg@10']['mean']) for t in tests)}" in README


def test_search_numbers_in_the_readme_are_those_of_the_reference_run():
    results = reference("07_search")
    hybrid, bm25, minilm = (results["bazaar"]["search"][m]["ndcg@10"] for m in ("hybrid of two", "BM25", "MiniLM"))
    row = f"weighted, {short(hybrid['mean'])} [{short(hybrid['low'])}, {short(hybrid['high'])}]; BM25 {short(bm25['mean'])}"
    lost = [short(results["lost"]["search"][m]["ndcg@10 lost at 0.5"]["mean"]) for m in ("hybrid of two", "BM25")]
    assert f"{row}, MiniLM {short(minilm['mean'])}; half of the words misspelt costs it {lost[0]}, BM25 {lost[1]}" in README


def test_support_numbers_in_the_readme_are_those_of_the_reference_run():
    desk, words = (reference("09_support")["reworded"]["questions"][m] for m in ("desk", "nearest by words"))
    cells = [f"{short(c['mean'])} [{short(c['low'])}, {short(c['high'])}]" for c in (desk["hit@3"], desk["declined"])]
    assert f"among three {cells[0]}, questions without an answer declined {cells[1]}" in README
    assert f"nearest by words {short(words['hit@3']['mean'])} and {short(words['declined']['mean'])}" in README


def test_recommendation_and_tower_numbers_in_the_readme_are_those_of_the_reference_run():
    results = reference("08_recommendation")
    beauty, popular = results["beauty"]["next item"], results["popularity"]["beauty"]
    hybrid, again = (beauty[m] for m in ("hybrid", "hybrid, fitted again"))
    theirs = published("beauty", "next-item").loc["S3-Rec"]
    row = f"hybrid {short(hybrid['hit@10']['mean'])} and {hybrid['ndcg@10']['mean']:.4f}, "
    row += f"fitted again with the validation purchase {short(again['hit@10']['mean'])} and {short(again['ndcg@10']['mean'])}; "
    row += " and ".join(f"{short(popular[m]['training and validation'])}" for m in ("hit@10", "ndcg@10"))
    row = row.replace("; .", "; popularity .") + f"; published S3-Rec {theirs['hit@10']:.4f} and {theirs['ndcg@10']:.4f}"
    assert row.replace(" 0.", " .") in README
    towers = reference("05_towers")["towers"]["photo and title"]
    both, *rivals = (towers[m]["ndcg@10"] for m in ("both towers", "colour + HOG + trigrams", "colour + HOG + lsa, learned"))
    cell = f"{short(both['mean'])} [{short(both['low'])}, {short(both['high'])}]; colour, HOG and trigrams, tuned, "
    assert f"{cell}{short(rivals[0]['mean'])}, mapped linearly by the same labels {short(rivals[1]['mean'])}" in README


def test_reference_results_come_from_committed_code():
    for path in (REPORTS / "reference").glob("*/metrics.json"):
        assert re.fullmatch(r"[0-9a-f]+", json.loads(path.read_text())["commit"]), path


def test_pictures_in_the_readme_exist():
    for path in re.findall(r"\]\((reports/[^)]+)\)", README):
        assert (ROOT / path).exists(), path


def test_every_dependency_says_who_needs_it_and_is_locked():
    from packaging.requirements import Requirement

    text = (ROOT / "pyproject.toml").read_text()
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), re.M))
    locked = {name.replace("_", "-").lower(): version for name, version in locked.items()}
    wanted = PROJECT["project"]["dependencies"] + [
        line for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra
    ]
    for line in wanted:
        requirement = Requirement(line)
        assert re.search(rf'"{re.escape(line)}",\s+# \S+', text), f"{line}: no reason beside it"
        assert requirement.specifier.contains(locked[requirement.name.replace("_", "-")]), line
    assert not re.search(r"^(nvidia-|cuda-|triton)", (ROOT / "requirements.lock").read_text(), re.M)
    assert "-r requirements.lock" in (ROOT / "environment.yml").read_text()


def test_packages_are_all_installed():
    there = {".".join(p.parent.relative_to(ROOT).parts) for p in (ROOT / "lib").rglob("__init__.py")}
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == there


def test_the_package_is_not_ignored_by_git():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "lib/" not in ignored
    assert "!reports/reference/" in ignored
