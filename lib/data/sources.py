"""Where the named sets lie: folders on this machine, and public addresses with their hashes.

What is inside a set is the business of its loader. This is the only file of the room that talks to
a network; `registry.txt` lists the files.
"""

from __future__ import annotations

import sys
import warnings
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lib.files import DATA, data_folders

if TYPE_CHECKING:
    import pooch


class Source(NamedTuple):
    """A data set: what it holds, and where it comes from, with its licence."""

    about: str
    origin: str


SHOP_PAIRS = "github.com/AI-team-UoA/pyJedAI and github.com/megagonlabs/ditto (Apache-2.0)"
SOURCES = {
    "abt-buy": Source("two electronics shops, 1,076 matches", SHOP_PAIRS),
    "amazon-google": Source("two software shops, 1,103 matches", SHOP_PAIRS),
    "walmart-amazon": Source("two electronics shops, 853 matches among 22,074 items", SHOP_PAIRS),
    "flipkart": Source(
        "1,050 products with photo, text, price and brand",
        "github.com/charlottemllt/Classification-automatique-des-biens-de-consommation at 9303da6 "
        "(no licence stated), photos in Images/ scaled to fit 256 pixels",
    ),
    "fashion": Source(
        "9,583 fashion products with photo, name, colour and category",
        "github.com/animmala3942/FashionProductRecommendationSystem at 91e8036 (styles.csv) and "
        "github.com/GaneshNeupane01/Fashion-Recommendation-System at 7cf2634 (images/<id>.jpg); "
        "no licence stated",
    ),
    "beauty": Source(
        "22,363 shoppers' purchases in time order of 12,101 cosmetics",
        "github.com/RUCAIBox/CIKM2020-S3Rec (no licence stated)",
    ),
    "games": Source(
        "50,546 shoppers' histories over 16,859 video games with titles",
        "github.com/RUCAIBox/LLMRank (MIT)",
    ),
    "product1m": Source(
        "9,220 Chinese cosmetics listings with the products that each contains",
        "github.com/zhanxlin/Product1M (no licence stated)",
    ),
}


@cache
def registry() -> pooch.Pooch:
    """The files of every set, with their hashes and addresses."""
    import pooch

    files = pooch.create(path=DATA, base_url="", retry_if_failed=2)
    files.load_registry(Path(__file__).with_name("registry.txt"))
    return files


def find(name: str) -> Path | None:
    """The first folder that holds all of the set's files; None where there is none."""
    for folder in data_folders():
        if all((folder / file).is_file() for file in _files(name)):
            return folder / name
    return None


def where(name: str) -> str:
    """The set's folder, or how to get it."""
    by_hand = set(_files(name)) - set(registry().urls)
    return str(
        find(name) or (f"get it from {SOURCES[name].origin}" if by_hand else f"akin data {name}")
    )


def fetch(name: str) -> Path:
    """The set's folder; what is nowhere on this machine is downloaded first.

    Downloads are checked against their SHA-256 and appear whole or not at all. A file that is
    already there is never replaced. Raises FileNotFoundError that says where to get a set without
    addresses, and RuntimeError for a download that failed.
    """
    found = find(name)
    if found:
        _warn_if_changed(name, found.parent)
        return found
    lacking = [file for file in _files(name) if not (DATA / file).is_file()]
    if set(lacking) - set(registry().urls):
        raise FileNotFoundError(
            f"data set {name!r} is not in {', '.join(map(str, data_folders()))} and cannot be "
            f"downloaded by itself. Get it from {SOURCES[name].origin} and lay it down in {DATA} "
            f"as {', '.join(_files(name))}"
        )
    for file in lacking:
        _download(file)
    return DATA / name


def _files(name: str) -> list[str]:
    return [file for file in registry().registry if file.startswith(f"{name}/")]


def _download(file: str) -> None:
    address = registry().get_url(file)
    try:
        registry().fetch(file, progressbar=sys.stderr.isatty())
    except ValueError as error:  # pooch's word for a hash that differs; it leaves no file behind
        raise RuntimeError(
            f"{address} gave other bytes than expected ({error}); try again, or report that the "
            "file changed"
        ) from error
    except OSError as error:
        raise RuntimeError(f"{address} could not be downloaded ({error}); try again") from error


def _warn_if_changed(name: str, folder: Path) -> None:
    """You may put a set of your own under a published name; a warning says that its results cannot
    be compared with published ones.
    """
    import pooch

    for file in _files(name):
        if pooch.file_hash(folder / file) != registry().registry[file]:
            warnings.warn(
                f"{folder / file} differs from the published {name!r}; its results do not compare",
                stacklevel=4,
            )
