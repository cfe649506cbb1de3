"""Toy notebooks and their runs, for the tests of this room."""

import nbformat

from lib.report.runs import execute, plan

PARAMETERS = "ROWS = 3\nNAMES = ['a']\nRATE = 0.5\nFLAG = False\nDATASET = 'toyland'"


def write_notebook(path, *cells, parameters=PARAMETERS):
    notebook = nbformat.v4.new_notebook()
    first = nbformat.v4.new_code_cell(parameters)
    first.metadata["tags"] = ["parameters"]
    notebook.cells = [first, *(nbformat.v4.new_code_cell(c) for c in cells)]
    nbformat.write(notebook, path)
    return path


def run_one(notebook, parameters=None, **options):
    """A notebook's only run and its metrics."""
    (run,) = plan(notebook, parameters, **options)
    return run, execute(run, progress=False)
