"""Rankings, judgements, vectors and results in the formats of other tools, out and in again.

TREC run and qrels files, BEIR folders, Parquet, `.npy`, CSV. Files are read line by line and an error names the line. A user's
own catalogue is read by `reading.py`; the cache of vectors is in `embeddings.py`.
"""

from lib.interchange.beir import read_beir, write_beir
from lib.interchange.results import read_results, write_results
from lib.interchange.trec import read_qrels, read_run, write_qrels, write_run
from lib.interchange.vectors import read_embeddings, write_embeddings

__all__ = [
    "read_beir", "read_embeddings", "read_qrels", "read_results", "read_run", "write_beir", "write_embeddings", "write_qrels",
    "write_results", "write_run",
]  # fmt: skip
