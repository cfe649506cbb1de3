"""A notebook becomes a run, runs become a page, a page becomes a paper's tables."""

from lib.report.recording import record
from lib.report.tables import styled, table_latex, table_markdown

__all__ = ["record", "styled", "table_latex", "table_markdown"]
