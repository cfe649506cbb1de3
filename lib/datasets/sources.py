"""Where data sets lie: folders on this machine, and public addresses with their hashes.

What is inside a set is the business of `loaders.py`. The only file here that talks to a network.
"""

from __future__ import annotations

import hashlib
import os
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from lib.files import DATA, data_folders

ATTEMPTS = 3


@dataclass(frozen=True)
class Source:
    """A set's files with their SHA-256 and, where they can be fetched one by one, their addresses."""

    about: str
    origin: str  # for people: repository and licence
    files: dict[str, str]  # path in the set's folder -> SHA-256
    addresses: dict[str, str] = field(default_factory=dict)  # path in the set's folder -> URL


def find(name: str, source: Source) -> Path | None:
    """The first folder that holds all of the set's files; None where there is none."""
    for folder in data_folders():
        if all((folder / name / f).is_file() for f in source.files):
            return folder / name
    return None


def fetch(name: str, source: Source, *, progress: bool = True) -> Path:
    """The set's folder, downloaded first where it is nowhere to be found and has public addresses.

    Files are checked against their SHA-256 and appear whole. Raises FileNotFoundError that says where to
    get a set without addresses, RuntimeError for a download that failed; what had arrived is kept and resumed.
    """
    found = find(name, source)
    if found:
        _warn_if_changed(name, found, source)
        return found
    if set(source.addresses) != set(source.files):
        raise FileNotFoundError(
            f"data set {name!r} is not in {', '.join(map(str, data_folders()))} and cannot be downloaded by itself. "
            f"Get it from {source.origin} and lay it down as {DATA / name}/ with {', '.join(source.files)}"
        )
    for file, address in source.addresses.items():
        _download(address, source.files[file], DATA / name / file, progress=progress)
    return DATA / name


def _download(address: str, sha256: str, path: Path, *, progress: bool) -> None:
    import pooch

    try:
        pooch.retrieve(
            address, f"sha256:{sha256}", fname=path.name, path=path.parent,
            downloader=ResumingDownloader(path.with_name(f".{path.name}.part"), progress=progress),
        )  # fmt: skip
    except ValueError as error:  # pooch's word for a hash that differs; it leaves no file behind
        raise RuntimeError(
            f"{address} gave other bytes than expected ({error}); try again, or report that the file changed"
        ) from error
    except OSError as error:
        raise RuntimeError(f"{address} could not be downloaded ({error}); try again: what has arrived is kept") from error


class ResumingDownloader:
    """A pooch downloader that keeps what has arrived in `part` and asks for the rest next time."""

    def __init__(self, part: Path, *, progress: bool = True) -> None:
        self.part, self.progress = part, progress

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Fetch `url` into `output_file`, trying up to three times where the connection breaks."""
        import requests

        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._rest(url)
                break
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError, requests.Timeout):
                if attempt == ATTEMPTS:
                    raise
        os.replace(self.part, output_file)

    def _rest(self, url: str) -> None:
        import requests
        from tqdm import tqdm

        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"}  # a range counts the bytes that are sent, so they must be the file's
        if have:
            headers["Range"] = f"bytes={have}-"
        with requests.get(url, headers=headers, stream=True, timeout=30) as reply:
            if have and reply.status_code == 416:  # nothing is left to ask for
                return
            reply.raise_for_status()
            resumed = reply.status_code == 206
            total = int(reply.headers.get("Content-Length", 0)) + (have if resumed else 0)
            quiet = not (self.progress and sys.stderr.isatty())
            with (
                self.part.open("ab" if resumed else "wb") as file,
                tqdm(
                    total=total,
                    initial=have if resumed else 0,
                    unit="B",
                    unit_scale=True,
                    desc=self.part.name[1:-5],
                    disable=quiet,
                ) as bar,
            ):
                for chunk in reply.iter_content(2**16):
                    file.write(chunk)
                    bar.update(len(chunk))


def _warn_if_changed(name: str, folder: Path, source: Source) -> None:
    """A set of one's own under a published set's name is welcome, but its numbers are not the published set's."""
    for file, sha256 in source.files.items():
        with (folder / file).open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                warnings.warn(f"{folder / file} differs from the published {name!r}; its results do not compare", stacklevel=4)


def _github(repository: str, commit: str, path: str) -> str:
    return f"https://raw.githubusercontent.com/{repository}/{commit}/{path}"


def _two_shops(folder: str, pairs: str, files: dict[str, str], about: str) -> Source:
    return Source(
        about,
        "github.com/AI-team-UoA/pyJedAI and github.com/megagonlabs/ditto (Apache-2.0)",
        files,
        {
            f: _github(
                "megagonlabs/ditto", "52985564a93fb11308439516d3e17a033d43ec8f", f"data/er_magellan/{pairs}/{Path(f).name}"
            )
            if f.startswith("pairs/")
            else _github("AI-team-UoA/pyJedAI", "619b00eb18fd536ad51af8b6757d0a1c7955334b", f"data/ccer/{folder}/{f}")
            for f in files
        },
    )


SOURCES: dict[str, Source] = {
    "abt-buy": _two_shops(
        "D2",
        "Textual/Abt-Buy",
        {
            "abt.csv": "8370815f2beaeee938459397ef2343d99abf0a40506351ad8db9a70247e64a37",
            "buy.csv": "75ca7059f38587af57f1843cefcb9a8fe3ad14ae21855ab17593d03f0f02cd82",
            "gt.csv": "f78f39dc38609594fe9c8d0f7868a46e51c5684f0a1467b23f9c4a5af219ad7c",
            "pairs/train.txt": "c1370966c08c246e9cf844b7cd2cf580b2559e9831f1eb3cca560fd53c1bcbb2",
            "pairs/valid.txt": "14b2c80673434b852febacd1a741c89e2ca0aba1658f4420efe4cbb46f4ef607",
            "pairs/test.txt": "df323df317af4ca33132e3c3a666983c5cbc69ef517f61df18f381b4d1662352",
        },
        "two electronics shops, 1,076 matches",
    ),
    "amazon-google": _two_shops(
        "D3",
        "Structured/Amazon-Google",
        {
            "amazon.csv": "61efedf46fb75455a400b4b50074c8d54a79ef2e232ea0ae97e35a6d4621f2f6",
            "gp.csv": "b898594207be2c50acfc1cccb07486db43bc1327f076d2bc10afae2ba84ab89e",
            "gt.csv": "ae55ac5a5d971b12d3cf4eba7275d529a6105a64ccd4e58dbc186e710b342b44",
            "pairs/train.txt": "84ef5f7747296990a3775d2c8774949e720df643106b1b447682265f41929b26",
            "pairs/valid.txt": "baa53c43706e979441aaf653698bb477294b6fa16328fd272fcdc56ca040c094",
            "pairs/test.txt": "fb4a50692f296435d9ecd4b310acc1318ff7d6d1e13924f0b211d1f906dacbef",
        },
        "two software shops, 1,103 matches",
    ),
    "walmart-amazon": _two_shops(
        "D8",
        "Structured/Walmart-Amazon",
        {
            "walmart.csv": "5f49d7b71771f0672b1c567d6662821226f4aa9289b2a49d5967f40d91160b7b",
            "amazon.csv": "d910f9b0e5354bc62463e6f648b3c4037d14679eb31ccd536d874bafb6158e3c",
            "gt.csv": "6a3e17511d82cb4ef224f8f58501b2cc2b935cd3c202d318870f358004a8ccff",
            "pairs/train.txt": "092fccd11c1cc1ffe54a702af276641218ce9506e6d60fb5a29a3c67d87892c3",
            "pairs/valid.txt": "4b07b12d5eb411736da03385d7543a34c77e5d9d364c25d67e987ebabc58c92c",
            "pairs/test.txt": "85ee132c4e45073a4b5ab8168d5db8af3e354b7b46dae19fd111757c0a6a97f6",
        },
        "two electronics shops, 853 matches among 22,074 items",
    ),
    "flipkart": Source(
        "1,050 products with photo, text, price and brand",
        "github.com/charlottemllt/Classification-automatique-des-biens-de-consommation at 9303da6 (no licence stated), "
        "photos in Images/ scaled to fit 256 pixels",
        {"flipkart_com-ecommerce_sample_1050.csv": "7c15bcff313c827d403fedebb19a10569527c0aef6fdd6a4d1e41e37c380c20f"},
    ),
    "fashion": Source(
        "9,583 fashion products with photo, name, colour and category",
        "github.com/animmala3942/FashionProductRecommendationSystem at 91e8036 (styles.csv) and "
        "github.com/GaneshNeupane01/Fashion-Recommendation-System at 7cf2634 (images/<id>.jpg); no licence stated",
        {"styles.csv": "7be22eb720451b39c564ec29b925987de0a974cf5ef5c038fd8aea30e27b5571"},
    ),
    "beauty": Source(
        "22,363 shoppers' purchases in time order of 12,101 cosmetics",
        "github.com/RUCAIBox/CIKM2020-S3Rec (no licence stated)",
        {
            "Beauty.txt": "226cce9c3105299ca0db9615d7d3fb32b3175e90da43100ae352599f0f0107b8",
            "Beauty_item2attributes.json": "129e40f67486f6877eff0f5318cfa8530ee8ac23d8b0d1de04e1bb7a2ba0b2d4",
        },
        {
            f: _github("RUCAIBox/CIKM2020-S3Rec", "2a81540ae18615d88ef88227b0c066e5b74781e5", f"data/{f}")
            for f in ("Beauty.txt", "Beauty_item2attributes.json")
        },
    ),
    "games": Source(
        "50,546 shoppers' histories over 16,859 video games with titles",
        "github.com/RUCAIBox/LLMRank (MIT)",
        {
            "Games-6k.item": "be9cea58a8de4f940a20b0ad6b58bad46b22fd6f9dbc82d1a1902e1c62e96ade",
            "Games-6k.test.inter": "b241e4c8a52d2d41530fd073296e8bced4b61753e86ed6c51467c657704bab19",
        },
        {
            f: _github("RUCAIBox/LLMRank", "5ec1154cb74cbf68ed5721212f1d7e79336c39c7", f"llmrank/dataset/Games-6k/{f}")
            for f in ("Games-6k.item", "Games-6k.test.inter")
        },
    ),
    "product1m": Source(
        "9,220 Chinese cosmetics listings with the products that each contains",
        "github.com/zhanxlin/Product1M (no licence stated)",
        {
            "product1m_dev_ossurl_v2.txt": "44c1085fd1d0c4454c6eb4de85109256b5bf1ce96098e692feec76dc797e0e3f",
            "product1m_test_ossurl_v2.txt": "17f258b59dd0c4ba498e5c104b6f85aea117dbdb4c31d23b9e635bd15752a76d",
        },
        {
            f: _github("zhanxlin/Product1M", "d4befb6", f)
            for f in ("product1m_dev_ossurl_v2.txt", "product1m_test_ossurl_v2.txt")
        },
    ),
}
