"""Sources: what a viewer can show, and the worlds in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from msgspec import Struct

from sim_economy.ledger.stores.protocol import Store
from sim_economy.ledger.verify import Verification
from sim_economy.viewer.answer_rows import SourceKind
from sim_economy.viewer.answers import CatalogueAnswer

T = TypeVar("T")

Query: TypeAlias = Mapping[str, str]
"""The names and values of a request's query, each once."""


class WorldSource(Protocol):
    """One world whose records can be read.

    Attributes:
        world_id: Its name in addresses; empty for the default one.
        title: For people.
        live: Whether turns still come.
        sidecar: The common path of the files beside its ledger; None where there are none.
        calls_folder: Of a run of models, where its calls are; None where there are none.
        turns_planned: Of a run whose plan is known.
    """

    world_id: str
    title: str
    kind: SourceKind
    sidecar: Path | None
    calls_folder: Path | None
    turns_planned: int | None

    @property
    def live(self) -> bool:
        """True while turns still come."""

    def read(self, work: Callable[[Store], T]) -> T:
        """Work on the records as they are now; nothing is written and nothing is left behind.

        Raises:
            StoreError: They cannot be read.
        """

    def verify(self, progress: Callable[[int], None]) -> Verification:
        """Check every hash, posting and signature, with the head file where there is one.

        Args:
            progress: Called with each verified turn.

        Raises:
            StoreError: They cannot be read.
        """

    def decided_by(self, agent_id: str) -> str:
        """The policy or model that decides for an agent; empty where that is not known."""


class SourceRoute(Struct, frozen=True, kw_only=True):
    """A route that only one kind of source has, such as the map of a sweep.

    Attributes:
        path: What follows `/view/source/`, such as `map`.
        query: The names that it takes.
        answer: The type of what `work` returns: a Struct, or `bytes`.
        work: Called in a thread; raises a SimEconomyError where the query is wrong.
        media_type: Of an answer in bytes.
        posts: Whether it is sent with POST, since it plays something into the temporary folder;
            then the query is the object in its body.
    """

    path: str
    query: tuple[str, ...]
    answer: Any
    work: Callable[[Query], Any]
    media_type: str = "application/json"
    posts: bool = False


class ViewerSource(Protocol):
    """What `sim-economy view` was pointed at."""

    @property
    def routes(self) -> tuple[SourceRoute, ...]:
        """Its own, under `/view/source/`; most sources have none."""

    def catalogue(self) -> CatalogueAnswer:
        """What is here, with all worlds that can be opened."""

    def world(self, world_id: str) -> WorldSource:
        """One of the worlds, opened; the same one every time.

        Args:
            world_id: Empty for the default one.

        Raises:
            WorldUnknownError: There is none of this name.
            StoreError: Its ledger cannot be read.
        """

    def document(self, name: str) -> Path:
        """A file that the catalogue lists.

        Raises:
            InputError: It lists none of this name.
        """

    def close(self) -> None:
        """Release what is open, and remove the temporary folder."""
