"""From text to one action, strictly; never another agent's."""

from __future__ import annotations

import json
import re
import time

import pytest

from sim_economy.core.actions import (
    RECOGNISED,
    ConfirmDelivery,
    Mine,
    ProposeContract,
    Speak,
    Stake,
)
from sim_economy.core.contracts import ContractKind
from sim_economy.core.needs import Need, NeedSide
from sim_economy.orchestrator.dialogue.messages import ModelOutput
from sim_economy.orchestrator.dialogue.reply_parser import (
    LENGTH_MOST,
    SCHEMA,
    THINKING_MOST,
    UnusableReply,
    json_part,
    read_reply,
)


@pytest.mark.parametrize(
    "text",
    [
        '{"action": {"action": "stake", "amount": 80}}',
        '```json\n{"action": {"action": "stake", "amount": 80}}\n```',
        'I will stake.\n\n{"action": {"action": "stake", "amount": 80}}\n\nThat is all.',
        '{"action": {"action": "stake", "amount": 80, "to": null, "terms": null}, "speech": null}',
    ],
)
def test_the_ways_models_write_one_answer(text: str) -> None:
    assert read_reply(ModelOutput(text), "ann").action == Stake(80)


def test_an_action_by_name_alone() -> None:
    assert read_reply(ModelOutput('{"action": "mine"}'), "ann").action == Mine()


def test_all_that_an_answer_may_say() -> None:
    terms = {"price": 5, "due_turn": 9, "trigger": None}
    text = json.dumps(
        {
            "thinking": "because",
            "speech": "hello",
            "action": {
                "action": "propose_contract",
                "kind": "service",
                "counterparty": "bob",
                "arbitrator": "cy",
                "terms": terms,
            },
        }
    )
    chosen = read_reply(ModelOutput(text, "deep thought"), "ann")
    assert (chosen.agent_id, chosen.thinking, chosen.speech) == ("ann", "because", "hello")
    assert isinstance(chosen.action, ProposeContract)
    assert (chosen.action.terms.price, chosen.action.terms.trigger) == (5, None)
    several = read_reply(
        ModelOutput('{"action": {"action": "confirm_delivery", "contract_id": [1, 2]}}'), "ann"
    )
    assert several.action == ConfirmDelivery((1, 2))


def test_the_providers_thinking_stands_in_for_the_models_own() -> None:
    assert read_reply(ModelOutput('{"action": "mine"}', "deep"), "ann").thinking == "deep"
    long = read_reply(ModelOutput('{"action": "mine"}', "x" * 10**5), "ann").thinking
    assert long is not None
    assert len(long) == THINKING_MOST


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("mine", "must be JSON"),
        ("[]", "one JSON object"),
        ('"mine"', "one JSON object"),
        ("{}", "no action"),
        ('{"action": "mine", "action": "job"}', "duplicate key"),
        ('{"action": "steal"}', "no such action; there are mine"),
        ('{"action": {"action": "steal"}}', "no such action"),
        ('{"action": {"action": "mine", "amount": 5}}', "unknown field"),
        ('{"action": {"action": "stake", "amount": "80"}}', "amount must be an integer"),
        ('{"action": {"action": "stake", "amount": 8.5}}', "amount must be an integer"),
        ('{"action": {"action": "stake", "amount": 1e400}}', "must be"),
        ('{"action": {"action": "stake", "amount": NaN}}', "not finite"),
        ('{"action": {"action": "stake", "amount": 99999999999999999999}}', "must be from"),
        ('{"action": "mine", "agent_id": "bob"}', "unknown field"),
        ('{"action": "mine", "thinking_units": 0}', "unknown field"),
        ('{"action": "mine", "output_units": 0}', "unknown field"),
        ('{"action": {"action": "mine", "agent_id": "bob"}}', "unknown field"),
        ('{"action": "mine", "speech": 5}', "speech must be a string"),
        ('{"action": "mine", "thinking": 5}', "thinking must be a string"),
        ('{"action": ["mine", "job"]}', "must be an object"),
        ("{" * 100_000, "longer|deep|JSON"),
        ("[" * 90_000, "deep|JSON"),
        ("x" * (LENGTH_MOST + 1), "longer than"),
        ('[{"action": "mine"}, {"action": "mine"}]', "must be JSON|one JSON object"),
    ],
)
def test_what_cannot_be_used_says_why(text: str, problem: str) -> None:
    with pytest.raises(UnusableReply, match=problem):
        read_reply(ModelOutput(text), "ann")


def test_a_cut_off_answer_and_a_refusal_say_so() -> None:
    with pytest.raises(UnusableReply, match="cut off"):
        read_reply(ModelOutput('{"action": {"act', stop_reason="length"), "ann")
    with pytest.raises(UnusableReply, match="refusal"):
        read_reply(ModelOutput("", stop_reason="refusal"), "ann")


QUOTED = '{"action": {"action": "transfer", "to": "bob", "amount": 500}}'
OWN = '{"action": "mine"}'


@pytest.mark.parametrize(
    "text",
    [
        f"bob asks:\n```json\n{QUOTED}\n```\nI refuse.\n```json\n{OWN}\n```",
        f"bob asks: {QUOTED}\nI refuse.\n```json\n{OWN}\n```",
        f"```json\n{QUOTED}\n```\nI refuse: {OWN}",
        f"{OWN}\n\nbob had asked for ```{QUOTED}```",
        f"{QUOTED} {OWN}",
        f"{OWN}{OWN}",
        f"```\n{QUOTED}\n{OWN}\n```",
        f"bob asks: {QUOTED} but " + '{"action": "mine",}',
        f"bob asks: {QUOTED} but " + "{action: mine}",
        f"bob asks: {QUOTED} but " + '{"action": "mi',
        f"bob asks: {QUOTED} but " + '"action": "mine"}',
        f"bob asks: {QUOTED} but " + "{}",
        f"He says {{{{ {QUOTED}",
        f"He says \\\\{QUOTED} but \\\\{OWN}",
        f"I think {QUOTED} is bad. </think> {QUOTED} {OWN}",
        f"hm</think>{OWN} and bob wrote </think>{QUOTED}",
    ],
)
@pytest.mark.parametrize("stop_reason", ["stop", "length"])
def test_of_several_objects_none_is_guessed(text: str, stop_reason: str) -> None:
    with pytest.raises(UnusableReply, match=r"one JSON object|must be JSON|cut off"):
        read_reply(ModelOutput(text, stop_reason=stop_reason), "ann")


@pytest.mark.parametrize(
    ("text", "thought"),
    [
        (f"bob wants {QUOTED}; no.</think>{OWN}", f"bob wants {QUOTED}; no."),
        (
            f"<think>bob wants {QUOTED}; no.</think>\n```json\n{OWN}\n```",
            f"bob wants {QUOTED}; no.",
        ),
        (f'[THINK]{{ " hm[/THINK] so {OWN}', '{ " hm'),
        (f"hm </Thinking >{OWN}", "hm"),
        ('{"action": "mine", "speech": "</think>"}', None),
        (f"Take {{x}} and \\boxed{{42}}, so:\n{OWN}", None),
        (f"```JSON\n{OWN}\n```", None),
    ],
)
def test_what_stands_before_a_closing_think_tag_is_thinking(text: str, thought: str | None) -> None:
    chosen = read_reply(ModelOutput(text), "ann")
    assert (chosen.action, chosen.thinking) == (Mine(), thought)
    assert read_reply(ModelOutput(text, "said apart"), "ann").thinking == "said apart"


def test_thinking_that_never_ended_holds_no_answer() -> None:
    for text in (f"<think>bob wants {OWN}", f"bob wants {OWN}, but I"):
        with pytest.raises(UnusableReply, match="cut off"):
            read_reply(ModelOutput(text, stop_reason="length"), "ann")
    with pytest.raises(UnusableReply):
        read_reply(ModelOutput(f"<think>bob wants {OWN}"), "ann")
    assert read_reply(ModelOutput(f"So: {OWN}\n```", stop_reason="length"), "ann").action == Mine()


def test_an_older_run_reads_replies_as_it_did() -> None:
    text = f"```json\n{OWN}\n```\nnot\n```json\n{QUOTED}\n```"
    assert read_reply(ModelOutput(text), "ann", 1).action == Mine()


def test_what_no_ledger_can_hold_of_a_text_is_a_question_mark_from_version_3_on() -> None:
    for text, said, problem in (("a\\u0000b", "a?b", "NUL"), ("\\ud800", "?", "surrogate")):
        answer = ModelOutput(f'{{"action": "mine", "speech": "{text}"}}')
        assert read_reply(answer, "ann").speech == said
        with pytest.raises(UnusableReply, match=problem):
            read_reply(answer, "ann", 2)


def test_what_is_said_may_stand_in_the_action() -> None:
    inside = ModelOutput('{"thinking": "", "action": {"action": "speak", "speech": "hi"}}')
    chosen = read_reply(inside, "ann")
    assert (chosen.action, chosen.speech, chosen.thinking) == (Speak(), "hi", None)
    silent = read_reply(ModelOutput('{"action": {"action": "mine", "speech": ""}}'), "ann")
    assert (silent.action, silent.speech) == (Mine(), None)
    twice = ModelOutput('{"speech": "hi", "action": {"action": "mine", "speech": "ho"}}')
    with pytest.raises(UnusableReply, match="once"):
        read_reply(twice, "ann")
    with pytest.raises(UnusableReply, match="unknown field"):
        read_reply(inside, "ann", 2)


def test_needs_are_read_where_a_world_matches_them_the_first_of_each_kind_and_side() -> None:
    loans = [
        {"kind": "loan", "side": "seek", "amount": amount, "limit_price": 2} for amount in (5, 9)
    ]
    answer = ModelOutput(json.dumps({"needs": loans, "action": {"action": "mine"}}))
    chosen = read_reply(answer, "ann", needs=True)
    assert chosen.needs == (Need(ContractKind.LOAN, NeedSide.SEEK, 5, 2),)
    for version, matched in ((3, False), (2, True)):
        with pytest.raises(UnusableReply, match="unknown field"):
            read_reply(answer, "ann", version, needs=matched)
    with pytest.raises(UnusableReply, match="kind"):
        read_reply(ModelOutput('{"needs": [{}], "action": "mine"}'), "ann", needs=True)


def test_a_problem_never_repeats_the_reply() -> None:
    for text in ('{"action": {"action": "s3cret-word"}}', '{"s3cret-word": 1}', "s3cret-word {"):
        with pytest.raises(UnusableReply) as problem:
            read_reply(ModelOutput(text), "ann")
        assert "s3cret" not in str(problem.value)


def test_the_schema_names_every_action_and_argument() -> None:
    schema = json.loads(SCHEMA)
    action = schema["properties"]["action"]["properties"]
    assert action["action"]["enum"] == list(RECOGNISED)
    fields = {name for kind in RECOGNISED.values() for name in kind.__struct_fields__}
    assert fields <= action.keys()
    assert "price" in action["terms"]["properties"]


@pytest.mark.parametrize(
    "text",
    [
        '{"a' * 33_000,
        '{"a":' * 20_000,
        "</think>{" * 11_000,
        "```\n" + " \n" * 40_000 + "x",
        "```json" + "\n" * 80_000,
        "```\n" * 20_000,
        "{" * 90_000,
    ],
)
def test_a_reply_made_to_be_slow_to_read_is_read_at_once(text: str) -> None:
    started = time.monotonic()
    with pytest.raises(UnusableReply):
        read_reply(ModelOutput(text), "agent_0")
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("before", ["", "So:\n", "```python\n", "``` ", "```json\n"])
@pytest.mark.parametrize("blank", ["", " ", "\n", " \n\n  ", "\r\n\t"])
@pytest.mark.parametrize("after", ["```", "\n```", "\n \n```\nthen ```", ""])
def test_what_a_fence_holds_is_what_it_always_was(before: str, blank: str, after: str) -> None:
    text = f"{before}```json{blank}\n{blank}[1]{after}"
    fenced = re.search(r"```(?:json)?\s*\n(.*?)\n?\s*```", text.strip(), re.DOTALL)
    assert json_part(text) == (fenced[1] if fenced else text.strip())
