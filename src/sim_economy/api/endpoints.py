"""The endpoints: each reads a request, asks the engine of its world, and writes the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from sim_economy.api.connection_limits import PARSED_AT_ONCE
from sim_economy.api.fair_share import Work
from sim_economy.api.ledger_pages import page
from sim_economy.api.policy_run import play_until, start_world
from sim_economy.api.request_validation import (
    CloseRequest,
    TurnRequest,
    check_marks,
    idempotency_key,
    parse_closing,
    parse_init,
    parse_nothing,
    parse_run,
    parse_submission,
    parse_turn,
    query_int,
)
from sim_economy.api.route import JSON
from sim_economy.api.world_answers import genesis_answer, state_answer, world_answer
from sim_economy.api.worlds import ServedWorld
from sim_economy.core.accounts import Holding
from sim_economy.core.codec import canonical
from sim_economy.core.errors import InputError
from sim_economy.core.world_config import agent_index, config_values
from sim_economy.ledger.readers.series import turn_figures
from sim_economy.ledger.readers.statement import statement
from sim_economy.ledger.stores.protocol import Store

Body = TypeVar("Body")


async def get_config(served: ServedWorld, request: Request) -> Response:
    """The world's parameters and variants without the seed; the defaults before /init."""
    engine = served.engine
    closed = 0 if engine.world is None else engine.world.turn_number
    return json_answer(config_values(engine.config.as_seen(closed), every=True))


async def post_init(served: ServedWorld, request: Request) -> Response:
    """Start the world."""
    wanted = await _parsed(served, request, parse_init)
    issued = await start_world(served, wanted)
    world = served.engine.started()
    started = partial(world_answer, world.world_id, world.config, world.state, world.head)

    def answer() -> dict[str, Any]:
        return {**started(), **served.issued_answer(issued)}

    return await _view(served, answer)


async def get_state(served: ServedWorld, request: Request) -> Response:
    """Every agent's accounts after the last closed turn."""
    world = served.engine.started()
    return await _view(served, partial(state_answer, world.config, world.state, world.head))


async def post_turn(served: ServedWorld, request: Request) -> Response:
    """Close the open turn with a batch of inputs."""
    wanted = await _parsed(served, request, parse_turn)
    given = {"inputs": wanted.inputs, "signatures": wanted.signatures}
    return await _closed(served, request, wanted, given)


async def post_close(served: ServedWorld, request: Request) -> Response:
    """Close the open turn with the actions submitted for it; whoever is missing is idle."""
    wanted = await _parsed(served, request, parse_closing)
    return await _closed(
        served, request, wanted, {"metered": wanted.metered, "without": wanted.without}
    )


async def _closed(
    served: ServedWorld,
    request: Request,
    wanted: TurnRequest | CloseRequest,
    given: dict[str, Any],
) -> Response:
    """The answer to a closed turn; the same request under the same key gets the stored one."""
    key = idempotency_key(request)
    body = request.state.body
    answer = served.engine.close_turn(
        expected=wanted.turn, key=key, request=body, ends=wanted.ends, **given
    )
    await served.announce()
    return Response(answer, media_type=JSON)


async def post_action(served: ServedWorld, request: Request) -> Response:
    """Submit one agent's own action; the last one missing closes the turn."""
    check_marks(request.state.body, served.worlds.limits.marks_of_agent(served.engine.config))
    parse = partial(parse_submission, agent_id=request.path_params["agent_id"])
    wanted = await _parsed(served, request, parse)
    closed = served.engine.submit(wanted.input, wanted.turn, wanted.signature)
    if closed is not None:
        await served.announce()
    turn = served.engine.started().turn_number + (closed is None)
    return json_answer({"accepted": True, "turn": turn, "closed": closed is not None})


async def post_run(served: ServedWorld, request: Request) -> Response:
    """Start the world if it is not, and play it with a shipped policy until a turn."""
    wanted = await _parsed(served, request, parse_run)
    return json_answer({"data": await play_until(served, wanted)})


async def post_reader_token(served: ServedWorld, request: Request) -> Response:
    """Make another reader's token; sessions of the one before end with it."""
    await _parsed(served, request, parse_nothing)
    return json_answer({"reader_token": served.engine.renew_reader_token()})


async def get_commitment(served: ServedWorld, request: Request) -> Response:
    """The commitment to the secret of the draws, opened once the run has ended."""
    return json_answer(served.engine.commitment())


async def get_genesis(served: ServedWorld, request: Request) -> Response:
    """The identity of the world: its genesis hash, its agents, their public keys."""
    return json_answer(genesis_answer(served.engine.started()))


async def get_head(served: ServedWorld, request: Request) -> Response:
    """The end of the chain, to keep and compare."""
    return json_answer(served.engine.started().head)


async def get_page(served: ServedWorld, request: Request) -> Response:
    """A page of one of the ledger's tables."""
    after, limit = _page_bounds(served, request)
    table = request.url.path.rpartition("/")[2]
    world, most = served.engine.started(), served.worlds.limits.page_bytes
    return await _read(served, lambda store: page(store, world.config, table, after, limit, most))


async def get_series(served: ServedWorld, request: Request) -> Response:
    """A page of the turns' figures: flows, actions, the books, inequality."""
    after, limit = _page_bounds(served, request)
    last = served.engine.started().turn_number
    first = max(1, after + 1)
    until = min(last, first + limit - 1)

    def figures(store: Store) -> dict[str, Any]:
        rows = list(turn_figures(store, first, until)) if first <= until else []
        return {"rows": rows, "next": until if until < last else None}

    return await _read(served, figures)


def _page_bounds(served: ServedWorld, request: Request) -> tuple[int, int]:
    rows = served.worlds.limits.page_rows
    after = query_int(request, "after", -1, 0, 2**53)
    return after, query_int(request, "limit", min(100, rows), 1, rows)


async def get_statement(served: ServedWorld, request: Request) -> Response:
    """One agent's postings with their reasons, opening to closing."""
    world = served.engine.started()
    first = query_int(request, "from", 0, 0, 2**53)
    last = query_int(request, "to", max(first, world.turn_number), 0, 2**53)
    if last < first:
        raise InputError("to", "must not be before from")
    most = served.worlds.limits.statement_turns
    if min(last, world.turn_number) - first >= most:
        raise InputError("to", f"must be less than {most} turns after from; ask for it in parts")
    agent_id = request.path_params["agent_id"]
    agent_index(world.agent_indices, agent_id)
    stated = partial(
        statement, agent_id=agent_id, accounts=tuple(Holding), first_turn=first, last_turn=last
    )
    return await _read(served, stated)


async def get_observation(served: ServedWorld, request: Request) -> Response:
    """The observation of one agent."""
    observe = served.engine.started().observe
    return await _view(served, partial(observe, request.path_params["agent_id"]))


async def get_verification(served: ServedWorld, request: Request) -> Response:
    """Every hash, posting and signature of the ledger, checked now."""
    return json_answer(await served.verify())


async def get_events(served: ServedWorld, request: Request) -> Response:
    """Closed turns as server-sent events; `Last-Event-ID` resumes a stream that broke off."""
    seen = request.headers.get("last-event-id", "")
    if seen and not (seen.isascii() and seen.isdigit() and len(seen) <= 16):
        raise InputError("Last-Event-ID", "must be the number of a turn")
    newest = served.engine.started().turn_number
    after = int(seen) if seen else newest
    return StreamingResponse(
        _events(served, after),
        media_type="text/event-stream",
        headers={"cache-control": "no-store"},
    )


async def _events(served: ServedWorld, after: int) -> AsyncIterator[bytes]:
    served.users += 1
    try:
        with served.events.follower():
            yield b": connected\n\n"
            while not served.worlds.stopping:
                wakes = served.events.wakes
                batch = served.events.batch(served.engine.started(), after)
                after = batch.last
                if batch.events:
                    yield batch.events
                if batch.more or await served.events.woken(wakes) or served.worlds.stopping:
                    continue
                yield b": still here\n\n"
    finally:
        served.users -= 1


async def get_readiness(served: ServedWorld, request: Request) -> Response:
    """Readiness: 200 if turns can be played."""
    world = served.engine.writable()
    found = served.engine.verified
    return json_answer(
        {
            "status": "ready",
            "turn": world.turn_number,
            "head": world.head.hash,
            "verified_turns": None if found is None else found.turns,
        }
    )


async def get_metrics(served: ServedWorld, request: Request) -> Response:
    """Figures in the Prometheus text format."""
    from sim_economy.api.prometheus import exposition  # noqa: PLC0415

    text, media_type = exposition(served.engine.world, served.worlds.requests)
    return Response(text, media_type=media_type)


async def get_worlds(served: ServedWorld, request: Request) -> Response:
    """The names of the worlds of this engine."""
    names = await served.worlds.share.away(Work.BRIEF, served.worlds.names)
    return json_answer({"worlds": names})


async def get_health(served: ServedWorld, request: Request) -> Response:
    """Liveness: 200 while the process answers."""
    return json_answer({"status": "ok"})


async def _parsed(served: ServedWorld, request: Request, parse: Callable[[bytes], Body]) -> Body:
    """The body as a value; a large one is parsed in another thread."""
    body: bytes = request.state.body
    if len(body) <= PARSED_AT_ONCE:
        return parse(body)
    return await served.worlds.share.away(Work.BRIEF, parse, body)


async def _view(served: ServedWorld, make: Callable[[], Any]) -> Response:
    """An answer from a world's state; made in another thread where it was large before."""
    if served.is_large:
        answer = await served.worlds.share.away(Work.BRIEF, lambda: json_answer(make()))
    else:
        answer = json_answer(make())
    served.answer_bytes = max(served.answer_bytes, len(answer.body))
    return answer


async def _read(served: ServedWorld, work: Callable[[Store], Any]) -> Response:
    """An answer from the records, made and written in another thread."""
    return await served.read(lambda store: json_answer(work(store)))


def json_answer(value: Any) -> Response:
    """An answer in JSON."""
    return Response(canonical(value), media_type=JSON)
