"""The layout of what interventions need, beside that of `lanes`: 64-bit rows of 64 lanes."""

from __future__ import annotations

from itertools import count
from typing import Final

from sim_economy.batch.lanes import LANES

_at = count()

# What the worlds of a batch share: `rules`.
CAPS_FEES: Final = next(_at)
CAPS_BY_SURPLUS: Final = next(_at)
CAP_WINDOW: Final = next(_at)
CAP_SLOTS: Final = next(_at)
"""Turns that are kept of a window: no more than are played."""
WAGES_FOLLOW: Final = next(_at)
WATCHES: Final = next(_at)
RELIEVES: Final = next(_at)
LEVIES: Final = next(_at)
LENDS: Final = next(_at)
REBATES: Final = next(_at)
REBATE_SLOTS: Final = next(_at)
RULES: Final = next(_at)

_at = (LANES * row for row in count())

# Of each world, the doses of its rules: `doses`.
CAP_RATIO: Final = next(_at)
GINI_MAX: Final = next(_at)
FROM_TURN: Final = next(_at)
LEVY_SHARE: Final = next(_at)
DEBT_CAP: Final = next(_at)
COOLDOWN: Final = next(_at)
REPAYMENT_SHARE: Final = next(_at)
REBATE_SHARE: Final = next(_at)
STAKE_MIN: Final = next(_at)
STAKE_TURNS: Final = next(_at)
DOSES: Final = next(_at)

_at = (LANES * row for row in count())

# Of each agent: `agents`, AGENT_ROWS numbers an agent.
OWED: Final = next(_at)
"""The fee of the turn; of an agent on a job, what its usage would have cost."""
HELD: Final = next(_at)
"""Its balance before what it receives."""
WEIGHT: Final = next(_at)
"""What tokens are shared out by."""
PART: Final = next(_at)
"""What of them is its own."""
REMAINDER: Final = next(_at)
"""What that leaves of tokens times weight, in parts of the whole."""
RELIEVED: Final = next(_at)
UNCOVERED: Final = next(_at)
GIVEN: Final = next(_at)
RECEIVABLE: Final = next(_at)
LAST_LOAN: Final = next(_at)
TRANSFER_PARTS: Final = next(_at)
"""What of the transfers that wait for a block will repay, were enough owed."""
TIP_PARTS: Final = next(_at)
"""The same of the tips that it pays."""
STUDY_POINTS: Final = next(_at)
STAKED_TURNS: Final = next(_at)
AGENT_ROWS: Final = next(_at)

_at = (LANES * row for row in count())

# Of each world in a turn: `world`.
FEES: Final = next(_at)
"""Of all agents that are not on a job, before the waiver."""
ALLOWED: Final = next(_at)
TIPS: Final = next(_at)
"""Those whose payer did not win the block."""
JOB_PAY: Final = next(_at)
SHARED: Final = next(_at)
"""Tokens that are shared out by weights."""
WORLD_ROWS: Final = next(_at)

_at = (LANES * row for row in count())

# Of each turn of a fee cap's window, and of all its turns together: `window`.
FEES_KEPT: Final = next(_at)
TIPS_KEPT: Final = next(_at)
JOB_PAY_KEPT: Final = next(_at)
WINDOW_ROWS: Final = next(_at)
