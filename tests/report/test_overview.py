"""The page of committed results shows every table and what others published."""

import json

from lib.report.overview import PAGE, overview


def kept(folder, notebook, dataset, results):
    place = folder / notebook / dataset
    place.mkdir(parents=True)
    run = {"notebook": notebook, "parameters": {"DATASET": dataset}, "results": results}
    (place / "metrics.json").write_text(json.dumps(run | {"seconds": 61.4, "commit": "abc"}))


def test_a_run_is_a_row_with_its_tables_below(tmp_path):
    cell = {"mean": 0.51234, "low": 0.4, "high": 0.6}
    kept(tmp_path, "07_matching", "abt-buy", {"matching": {"ours": {"f1": cell}}})
    kept(tmp_path, "01_catalogue", "mine", {"products": 3})
    page = overview(tmp_path)
    assert "| [07_matching](reference/07_matching/abt-buy) | abt-buy | 61 | abc |" in page
    assert "| together | | 123 | |" in page
    assert "| ours | **0.512** [0.400, 0.600] |" in page
    assert "| Ditto | 0.8933 |" in page  # what others published on this set
    assert "## 01_catalogue" not in page  # it has no table


def test_the_committed_page_is_what_the_committed_results_say():
    assert PAGE.read_text(encoding="utf-8") == overview()
