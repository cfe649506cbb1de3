"""Vectors become a ranking: exact, approximate and lexical search, pairwise measures, reranking."""

from lib.search.exact import Ranking, search
from lib.search.similarity import MEASURES, distributions, pairwise, rank

__all__ = ["MEASURES", "Ranking", "distributions", "pairwise", "rank", "search"]
