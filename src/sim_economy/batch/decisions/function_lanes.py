"""Decisions of a policy function, for all lanes: compiled when asked for, called by its address.

So the kernel itself is compiled once, whatever functions it is given.

Source: `agents.policy_function`.
"""

from __future__ import annotations

from threading import Lock
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import cfunc, njit, types
from numba.core.errors import NumbaError
from numba.extending import intrinsic
from numba.np.numpy_support import carray

from sim_economy.batch.compiling import OPTIONS
from sim_economy.batch.decisions.behaviour_tables import FunctionTable
from sim_economy.batch.decisions.checked_arithmetic import ARITHMETIC
from sim_economy.batch.decisions.decision_codes import ALL_STAKE, ActionCode, Feature, Target
from sim_economy.batch.decisions.feature_lanes import HELD
from sim_economy.batch.decisions.policy_choices import CHOICES
from sim_economy.batch.lanes import (
    ACTION,
    AMOUNT,
    GUARD,
    LANES,
    OUTSIDE,
    POOREST,
    ROWS,
    TARGET,
    TIP,
    TURN_ROWS,
    WAITING_BURN,
    WAITING_OUT,
    WAITING_STAKE,
    WAITING_TIP,
)
from sim_economy.core.errors import ScenarioError
from sim_economy.core.units import INPUT_LIMIT

_POINTER = types.CPointer(types.int32)  # type: ignore[no-untyped-call]
_SIGNATURE = types.void(_POINTER, _POINTER, _POINTER, types.int64, types.int64, types.int64)

_READ: Final = {
    Feature.PENDING: (
        f"rows[{WAITING_STAKE} + lane] + rows[{WAITING_BURN} + lane]"
        f" + rows[{WAITING_OUT} + lane] + rows[{WAITING_TIP} + lane]"
    ),
    Feature.POOREST: f"turn[{POOREST} + lane] == agent",
    Feature.TURN: "number",
    Feature.AGENT: "agent",
    Feature.NUM_AGENTS: "agents",
}
"""How a feature that is no row of an agent is read."""

_LANES_TEXT: Final = """
def decide_lanes(turn_at, rows_at, numbers_at, number, agent, agents):
    turn = carray(turn_at, TURN_ROWS)
    rows = carray(rows_at, ROWS)
    numbers = carray(numbers_at, COUNT)
    for lane in range(LANES):
        flag = turn[GUARD + lane : GUARD + lane + 1]
        action, amount, fee, target = decide({arguments})
        if amount != ALL_STAKE and abs(amount) > INPUT_LIMIT or abs(fee) > INPUT_LIMIT:
            flag[0] |= OUTSIDE
        if amount == ALL_STAKE and action != UNSTAKE:
            flag[0] |= OUTSIDE
        rows[ACTION + lane] = action
        turn[AMOUNT + lane] = np.int32(amount)
        turn[TIP + lane] = np.int32(fee)
        following = np.int32((agent + 1) % agents)
        turn[TARGET + lane] = turn[POOREST + lane] if target == TO_POOREST else following
"""

_WITH_POINTERS: Final = {name: value for name, value in OPTIONS.items() if name != "_nrt"}
"""Numba sees an array in what a pointer points to only where it may count references."""

_compiled: Final[dict[tuple[str, tuple[Feature, ...]], Any]] = {}
_compiling = Lock()


def function_address(table: FunctionTable) -> int:
    """Where the compiled function is; it stays there as long as this process.

    Raises:
        ScenarioError: It cannot be compiled; the message says why.
    """
    key = table.text, table.features
    with _compiling:
        if key not in _compiled:
            _compiled[key] = _compile(table)
        address: int = _compiled[key].address
    return address


def _compile(table: FunctionTable) -> Any:
    choices = {name: njit(choice, **OPTIONS) for name, choice in CHOICES.items()}
    names: dict[str, Any] = {**choices, **ARITHMETIC}
    exec(table.text, names)  # noqa: S102 - `function_text` has let nothing in that could do harm
    decide = njit(names["decide"], **OPTIONS)
    features = [_READ.get(code, f"rows[{HELD[code]} + lane]") for code in table.features]
    numbers = [f"numbers[{LANES * index} + lane]" for index in range(len(table.names))]
    arguments = [f"np.int64({source})" for source in (*features, *numbers)]
    own = {
        "np": np, "carray": carray, "decide": decide, "TURN_ROWS": TURN_ROWS, "ROWS": ROWS,
        "COUNT": max(1, LANES * len(numbers)), "LANES": LANES, "GUARD": GUARD, "ACTION": ACTION,
        "AMOUNT": AMOUNT, "TIP": TIP, "TARGET": TARGET, "POOREST": POOREST, "OUTSIDE": OUTSIDE,
        "ALL_STAKE": ALL_STAKE, "INPUT_LIMIT": INPUT_LIMIT, "UNSTAKE": int(ActionCode.UNSTAKE),
        "TO_POOREST": int(Target.POOREST),
    }  # fmt: skip
    exec(_LANES_TEXT.format(arguments=", ".join(("flag", *arguments))), own)  # noqa: S102
    try:
        return cfunc(_SIGNATURE, **_WITH_POINTERS)(own["decide_lanes"])
    except NumbaError as error:
        problem = "must be compiled, and a value of its function is now a choice, now a number"
        raise ScenarioError([f"policy: {problem}"]) from error


@intrinsic
def call_function(
    typing_context: Any,  # noqa: ARG001
    address: Any,
    turn: Any,
    rows: Any,
    numbers: Any,
    number: Any,
    agent: Any,
    agents: Any,
) -> Any:
    """Call a compiled policy function by its address."""
    signature = types.void(address, turn, rows, numbers, number, agent, agents)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole, pointer = ir.IntType(64), ir.IntType(32).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer] * 3 + [whole] * 3)
        arrays = [
            context.make_array(own)(context, builder, value).data
            for own, value in zip(signature.args[1:4], arguments[1:4], strict=True)
        ]
        callee = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(callee, [*arrays, *arguments[4:]])
        return context.get_dummy_value()

    return signature, generate
