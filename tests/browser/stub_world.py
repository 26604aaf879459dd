"""A made-up world, whose every text a test may choose."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from typing import Any, Final

from msgspec import to_builtins

from sim_economy.viewer import answers
from sim_economy.viewer.answer_rows import digits

HASH: Final = "0123456789abcdef" * 4


class StubWorld:
    """Agents whose balances follow a formula.

    Args:
        text: What stands wherever an agent, a model or a stranger may write.
        scale: By which balances are multiplied, exactly.
    """

    def __init__(
        self,
        names: list[str],
        turn: int,
        *,
        text: str = "Thank you.",
        scale: int = 1,
        live: bool = False,
    ) -> None:
        self.names, self.turn, self.text, self.scale, self.live = names, turn, text, scale, live
        self._news = threading.Condition()
        self._open = True
        self._streams = 0

    def close_turn(self) -> None:
        """One more turn, which listeners hear of."""
        with self._news:
            self.turn += 1
            self._news.notify_all()

    def close_stream(self) -> None:
        """End all streams."""
        with self._news:
            self._open = False
            self._news.notify_all()

    def break_streams(self) -> None:
        """End the streams there are; new ones may come."""
        with self._news:
            self._streams += 1
            self._news.notify_all()

    def turns_after(self, seen: int) -> Iterator[int]:
        """Turns as they are closed."""
        own = self._streams
        while True:
            with self._news:
                while self.turn <= seen and self._open and own == self._streams:
                    self._news.wait()
            if not self._open or own != self._streams:
                return
            seen += 1
            yield seen

    def balance(self, agent: int, turn: int) -> int:
        """Some rise, some fall."""
        drift = 9 * (agent % 5 - 2) - 4
        wave = round(160 * math.sin(turn / (5 + agent % 7) + agent))
        return self.scale * (1000 + drift * turn + wave)

    def answer(self, path: list[str], query: dict[str, str]) -> Any:  # noqa: C901
        """The answer to a path after `view/`."""
        match path:
            case ["catalogue"]:
                found: Any = self._catalogue()
            case ["overview"]:
                found = self._overview()
            case ["balances"]:
                found = self._balances(query)
            case ["agents"]:
                rows = tuple(map(self._row, range(len(self.names))))
                found = answers.AgentsAnswer(rows=rows, next=None, total=len(rows))
            case ["agents", name]:
                found = self._agent(self.names.index(name))
            case ["agents", name, "statement"]:
                found = self._statement(name)
            case ["agents", name, "decisions"]:
                rows_of = tuple(self._decision(name, turn) for turn in range(self.turn, 0, -1))
                found = answers.DecisionsAnswer(rows=rows_of, next=None)
            case ["agents", name, "decisions", turn]:
                found = self._decided(name, int(turn))
            case ["turns", turn]:
                found = self._turn(int(turn))
            case ["turns", turn, "postings"]:
                found = answers.TurnPostingsAnswer(rows=self._moved(), next=None, total=1)
            case ["contracts"]:
                found = answers.ContractsAnswer(rows=(self._contract(),), next=None, total=1)
            case ["contracts", _]:
                found = self._life()
            case ["events"]:
                found = answers.EventsAnswer(rows=self._events(), next=None, skip=0)
            case ["chain"]:
                found = self._chain(query)
            case ["verification"]:
                found = self._verified()
            case ["verification", "progress"]:
                found = answers.VerificationProgressAnswer(running=True, turn=1, turns=self.turn)
            case ["search"]:
                found = self._search()
            case _:
                return {"error": {"code": "path_unknown", "message": self.text}}
        return to_builtins(found)

    def _catalogue(self) -> answers.CatalogueAnswer:
        listed = answers.ListedWorld(
            world_id="",
            title=self.text,
            note=self.text,
            replayed=False,
            figures={self.text: self.text},
        )
        other = answers.ListedWorld(
            world_id=self.names[0], title=self.text, note="", replayed=True, figures={}
        )
        table = answers.ListedTable(title=self.text, columns=(self.text,), rows=((self.text,),))
        document = answers.ListedDocument(name=self.text, title=self.text, size=1)
        return answers.CatalogueAnswer(
            kind="ledger",
            title=self.text,
            answer=self.text,
            worlds=(listed, other),
            documents=(document,),
            tables=(table,),
            has_map=False,
            asks_token=False,
            version="0",
        )

    def _events(self) -> tuple[answers.EventRow, ...]:
        return tuple(
            answers.EventRow(
                turn=turn,
                kind="speech",
                words=f"{self.names[turn % len(self.names)]} said: {self.text}",
                agent_id=self.names[turn % len(self.names)],
                contract_id=None,
            )
            for turn in range(self.turn, max(0, self.turn - 20), -1)
        )

    def _overview(self) -> answers.OverviewAnswer:
        rows = [self._row(agent) for agent in range(len(self.names))]
        solvent = [row for row in rows if row.since is None]
        first = rows[0].agent_id
        return answers.OverviewAnswer(
            world_id="",
            title=self.text,
            kind="ledger",
            live=self.live,
            ended=not self.live,
            turn=self.turn,
            complete_to=self.turn,
            turns_planned=None,
            agents=len(rows),
            answer=f"{first} will be insolvent first, in turn {self.turn + 9}: {self.text}",
            solvent_agents=len(solvent),
            insolvent=tuple(
                answers.AgentWithoutTokens(
                    agent_id=row.agent_id, balance=row.balance, since=row.since
                )
                for row in rows
                if row.since is not None
            )[:20],
            refuses_usage=False,
            out_of_tokens=(),
            out_of_tokens_total=0,
            outlook=tuple(
                answers.Outlook(
                    agent_id=row.agent_id, balance=row.balance, trend=row.trend, turn=self.turn + 9
                )
                for row in solvent
            )[:3],
            trend_turns=10,
            platform=digits(self.scale * -1234567),
            token_supply=digits(self.scale * 12345678),
            destroyed="0",
            fees_charged=digits(self.scale * 345678),
            fees_covered=digits(self.scale * 300000),
            fees_waived="0",
            dividends="98765",
            blocks=self.turn,
            transactions=12,
            rejections=3,
            contracts={"proposed": 9, "settled": 5},
            open_contracts=2,
            rules_version="9",
            genesis=HASH,
            head=self._head(),
            parameters=(answers.Fact(name=self.text, value=self.text),),
            newest=self._events(),
        )

    def _head(self) -> answers.ChainHead:
        return answers.ChainHead(turn=self.turn, head=HASH, state_digest=HASH, block_hash=HASH)

    def _balances(self, query: dict[str, str]) -> answers.BalancesAnswer:
        asked = [name for name in query.get("agents", "").split(",") if name in self.names]
        shown = asked or (self.names if len(self.names) <= 20 else [])
        turns = range(int(query.get("after", 0)) + 1, self.turn + 1)
        spread = [
            sorted(self.balance(agent, turn) for agent in range(len(self.names))) for turn in turns
        ]
        count = len(self.names)

        def band(index: int) -> tuple[int, ...]:
            return tuple(values[index] for values in spread)

        bands = answers.Bands(
            lowest=band(0),
            tenth=band(count // 10),
            median=band(count // 2),
            ninetieth=band(count * 9 // 10),
            highest=band(-1),
            insolvent=band(0),
        )
        lines = [
            (name, tuple(self.balance(self.names.index(name), turn) for turn in turns))
            for name in shown
        ]
        return answers.BalancesAnswer(
            span=1,
            turns=tuple(turns),
            last_turn=self.turn,
            complete_to=self.turn,
            bands=bands,
            platform=tuple(-17 * turn for turn in turns),
            token_supply=tuple(map(sum, spread)),
            lines=tuple(
                answers.BalanceLine(
                    agent_id=name, index=self.names.index(name), low=line, high=line, last=line
                )
                for name, line in lines
            ),
        )

    def _row(self, agent: int) -> answers.AgentRow:
        balance = self.balance(agent, self.turn)
        return answers.AgentRow(
            agent_id=self.names[agent],
            index=agent,
            balance=digits(balance),
            staked="0",
            unstaking="0",
            pending="0",
            escrow="0",
            lowest=digits(min(0, balance)),
            since=12 if balance < 0 else None,
            is_out=False,
            out_since=None,
            trend=-12.25,
            insolvent_turn=self.turn + 9,
            decided_by=self.text,
        )

    def _agent(self, agent: int) -> answers.AgentAnswer:
        name = self.names[agent]
        return answers.AgentAnswer(
            agent=self._row(agent),
            answer=f"{name} has tokens left. {self.text}",
            reasons=self._paid(),
            actions={"work": 3, "transfer": 1},
            rejections=1,
            contracts=(self._contract(),),
            contracts_total=1,
            speech=(answers.Speech(turn=1, agent_id=name, text=self.text),),
            has_calls=True,
        )

    def _paid(self) -> tuple[answers.ReasonTotal, ...]:
        return (
            answers.ReasonTotal(reason="inference_fee", tokens=digits(-7 * self.scale), postings=4),
        )

    def _statement(self, name: str) -> answers.StatementPageAnswer:
        row = answers.StatementRow(
            turn=1,
            account="balance",
            amount=digits(-7 * self.scale),
            reason="inference_fee",
            counterpart=f"{self.names[-1]}:balance",
            after=digits(993 * self.scale),
        )
        return answers.StatementPageAnswer(
            agent_id=name,
            first_turn=1,
            last_turn=self.turn,
            opening={"balance": "1000"},
            closing={"balance": "993"},
            rows=(row,),
            earlier=None,
            later=None,
        )

    def _decision(self, name: str, turn: int) -> answers.DecisionRow:
        return answers.DecisionRow(
            turn=turn,
            agent_id=name,
            action="transfer",
            words=f"transfer to {self.names[-1]}",
            said=self.text,
            thought=self.text,
            thinking_units="12",
            output_units="3",
            rejection="not_enough",
            fee="7",
            calls=1,
        )

    def _decided(self, name: str, turn: int) -> answers.DecisionAnswer:
        call = answers.CallRow(
            attempt=1,
            outcome="reply",
            detail=self.text,
            thinking=self.text,
            reply=self.text,
            seconds=1.5,
            tokens="12 in, 3 out",
            money="0.01",
        )
        return answers.DecisionAnswer(
            decision=self._decision(name, turn),
            balance_before="1000",
            balance_after="993",
            paid=self._paid(),
            decided_by=self.text,
            saw=self.text,
            idle_because=self.text,
            calls=(call,),
            currency="USD",
            earlier=None,
            later=None,
        )

    def _moved(self) -> tuple[answers.MovementRow, ...]:
        return (
            answers.MovementRow(
                index=0,
                source="platform",
                target=f"{self.names[0]}:balance",
                amount="25",
                reason="dividend",
            ),
        )

    def _turn(self, turn: int) -> answers.TurnAnswer:
        owners = tuple(answers.OwnerTokens(owner=name, tokens="25") for name in self.names[:20])
        platform = (answers.OwnerTokens(owner="platform", tokens="500"),)
        flow = answers.ReasonFlow(
            reason="dividend",
            tokens="500",
            postings=len(owners),
            payers=platform,
            payers_total=1,
            payees=owners,
            payees_total=len(self.names),
        )
        block = answers.BlockRow(
            winner=self.names[0],
            validator_type=self.text,
            transactions=1,
            tips="2",
            hash=HASH,
            previous_hash=HASH,
            tickets=3,
            chances=(answers.Fact(name=self.names[0], value="0.5"),),
        )
        transaction = answers.TransactionRow(
            tx_type="transfer",
            agent_id=self.names[0],
            to=self.names[-1],
            amount="5",
            fee="1",
            submitted=1,
        )
        return answers.TurnAnswer(
            turn=turn,
            ends=False,
            answer=f"{self.names[0]} won the block of turn {turn}. {self.text}",
            head=HASH,
            state_digest=HASH,
            token_supply="1",
            fees_charged="1",
            fees_covered="1",
            fees_waived="0",
            dividends="500",
            block=block,
            flows=(flow,),
            postings=1,
            inputs=len(self.names),
            rejections=1,
            decisions=tuple(self._decision(name, turn) for name in self.names[:100]),
            contract_events=self._contract_events(),
            contract_events_total=1,
            transactions=(transaction,),
            transactions_total=1,
            denied=owners[:2],
            governance=(answers.Fact(name=self.text, value=self.text),),
            earlier=turn - 1 if turn else None,
            later=turn + 1 if turn < self.turn else None,
        )

    def _contract(self) -> answers.ContractRow:
        return answers.ContractRow(
            contract_id=7,
            kind="loan",
            settlement="automatic",
            parties=(self.names[0], self.names[-1], self.names[0]),
            proposed=1,
            started=2,
            ended=5,
            stage="defaulted",
            cause="not_repaid",
            amount=digits(400 * self.scale),
            gains=("5", "-5", "0"),
        )

    def _contract_events(self) -> tuple[answers.ContractEventRow, ...]:
        return (
            answers.ContractEventRow(
                turn=1,
                contract_id=7,
                happened="defaulted",
                agent_id=self.names[0],
                facts=(answers.Fact(name="reason", value=self.text),),
                moved=self._moved(),
            ),
        )

    def _life(self) -> answers.ContractLifeAnswer:
        return answers.ContractLifeAnswer(
            contract=self._contract(),
            answer=f"A loan that was not repaid. {self.text}",
            terms=(answers.Fact(name="principal", value=self.text),),
            events=self._contract_events(),
        )

    def _chain(self, query: dict[str, str]) -> answers.ChainAnswer:
        compared = None
        if "head" in query:
            same = query["head"] == HASH
            compared = answers.ComparedHead(
                turn=int(query["turn"]),
                head=query["head"],
                same=same,
                kept=HASH,
                words=f"Up to turn {query['turn']}: {'the same' if same else 'not the same'}.",
            )
        return answers.ChainAnswer(
            world_id="",
            genesis=HASH,
            rules_version="9",
            head=self._head(),
            blocks=self.turn,
            newest_block=None,
            newest_block_turn=None,
            signed=True,
            engine_key=self.text,
            head_file=answers.HeadFileRow(turn=self.turn, head=HASH, problem=None),
            compared=compared,
        )

    def _verified(self) -> answers.VerifiedAnswer:
        return answers.VerifiedAnswer(
            is_sound=False,
            words="The ledger is not sound.",
            turns=self.turn,
            problem=self.text,
            problem_turn=3,
            signatures=0,
            head_file=True,
            head=None,
            seconds=0.25,
            compared=None,
        )

    def _search(self) -> answers.SearchAnswer:
        hit = answers.SearchHit(
            kind="speech", words=self.text, turn=1, agent_id=self.names[0], contract_id=None
        )
        return answers.SearchAnswer(hits=(hit,), complete=False)
