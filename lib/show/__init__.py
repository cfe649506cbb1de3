"""Pictures of products and results: plots, galleries of neighbours, the explorer, the judge."""

import pandas as pd

from lib.show import plots
from lib.show.explorer import explore
from lib.show.figures import save_figure, save_gallery
from lib.show.gallery import gallery
from lib.show.reduction import projection
from lib.show.style import number

__all__ = ["explore", "gallery", "plots", "projection", "save_figure", "save_gallery"]

pd.options.display.float_format = number  # in a notebook's tables, as in its figures
