"""The catalogue of what one source shows."""

from __future__ import annotations

from importlib.metadata import version

from sim_economy.viewer.answer_rows import ListedDocument, ListedTable, ListedWorld, SourceKind
from sim_economy.viewer.answers import CatalogueAnswer


def catalogue_of(
    kind: SourceKind,
    title: str,
    *,
    answer: str = "",
    worlds: tuple[ListedWorld, ...] = (),
    documents: tuple[ListedDocument, ...] = (),
    tables: tuple[ListedTable, ...] = (),
    has_map: bool = False,
) -> CatalogueAnswer:
    """What a source shows, of a kind that asks no token."""
    return CatalogueAnswer(
        kind=kind,
        title=title,
        answer=answer,
        worlds=worlds,
        documents=documents,
        tables=tables,
        has_map=has_map,
        asks_token=False,
        version=version("sim-economy"),
    )
