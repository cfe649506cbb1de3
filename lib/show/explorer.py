"""Look around a catalogue: pick a product, weigh encoders by sliders, see its neighbours move.

`explore()` opens it. Its widgets are in `panel.py`, what they compute in `neighbourhood.py`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lib.data.catalogue import Catalogue
from lib.data.task import Task
from lib.encoders.embeddings import Embeddings
from lib.show.cards import scene
from lib.show.gallery import Gallery
from lib.show.neighbourhood import Neighbourhood

if TYPE_CHECKING:
    from lib.show.panel import Panel

STATIC = 4  # products in the gallery that takes the panel's place; each brings its photos
INTERACTIVE = {"JPY_SESSION_NAME", "VSCODE_PID"}  # set in kernels of Jupyter's server, of VS Code


def explore(
    catalogue: Catalogue, embeddings: Mapping[str, Embeddings], task: Task | None = None
) -> Panel | Gallery:
    """A panel for notebooks: search a product, slide weights, filter, and see neighbours move.

    `embeddings` are of this catalogue, by the name to show. A `task` over the catalogue marks hits
    and leaves out what it excludes. In a report, and wherever nobody can slide, a gallery takes the
    panel's place. Raises ValueError where embeddings or task hold other products.
    """
    if not embeddings or not len(catalogue):
        raise ValueError(
            "explore needs products and at least one Embeddings, "
            f"got {len(catalogue)} and {len(embeddings)}"
        )
    ids = {f"embeddings {name!r}": part.ids for name, part in embeddings.items()}
    if task is not None:
        ids |= {"the task's queries": task.queries.ids, "the task's corpus": task.corpus.ids}
    for name, held in ids.items():
        if not np.array_equal(held, catalogue.ids):
            raise ValueError(
                f"{name}: not the products of catalogue {catalogue.name!r}, or in another order"
            )
    if not interactive():
        return equal_weights(catalogue, embeddings, task)
    from lib.show.panel import Panel  # ipywidgets are loaded when they are shown

    return Panel(catalogue, embeddings, task)


def equal_weights(
    catalogue: Catalogue, embeddings: Mapping[str, Embeddings], task: Task | None = None
) -> Gallery:
    """The first products with their neighbours by each encoder and by all at equal weights."""
    mixtures = dict(zip(embeddings, np.eye(len(embeddings)), strict=True))
    if len(mixtures) > 1:
        mixtures["equal weights"] = np.ones(len(embeddings))
    scenes = []
    for row in range(min(STATIC, len(catalogue))):
        around = Neighbourhood(catalogue, embeddings, row, task)
        columns = {name: around.nearest(weights, 6) for name, weights in mixtures.items()}
        scenes.append(scene(catalogue, row, columns, around.gains))
    return Gallery(catalogue.name, scenes)


def interactive() -> bool:
    """Whether a person can move sliders: in JupyterLab or VS Code, but not in a run.

    nbconvert and papermill start kernels of their own, which carry neither program's mark.
    """
    return not os.environ.get("AKIN_RUN") and not INTERACTIVE.isdisjoint(os.environ)
