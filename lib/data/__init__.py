"""What a shop is and where it comes from: catalogues, tasks, named sets and a user's files."""

from lib.data.beir import read_beir, write_beir
from lib.data.catalogue import Catalogue, stack
from lib.data.dataset import Dataset
from lib.data.loaders import load
from lib.data.published import published, references
from lib.data.purchases import Purchases, leave_last_out
from lib.data.task import Task

__all__ = [
    "Catalogue",
    "Dataset",
    "Purchases",
    "Task",
    "leave_last_out",
    "load",
    "published",
    "read_beir",
    "references",
    "stack",
    "write_beir",
]
