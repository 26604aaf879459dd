"""What the nightly run compares, tried on a server without a model."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from sim_economy.orchestrator.record.call_folder import CALL_LOG
from sim_economy.orchestrator.record.call_log import read_call_log
from tests.orchestrator.server import ModelServer
from tests.orchestrator.setup import play, served
from tests.realmodel.recording_proxy import RecordingProxy
from tests.realmodel.test_real_model import assert_billed


def test_a_bill_that_is_not_what_the_server_counted_is_found(tmp_path: Path) -> None:
    with ModelServer() as server:
        with RecordingProxy(server.address.removesuffix("/v1")) as proxy:
            play(tmp_path, served(proxy.address, 2))
            proxy.wait()
        reports = [call.reported for call in server.log if call.reported is not None]
    sums = [sum(report[part] for report in reports) for part in range(3)]
    counted = {"uncached": sums[0], "cached": 0, "output": sums[1]}
    log, _ = read_call_log(tmp_path / CALL_LOG)
    assert_billed(log, proxy.answered, counted)
    with pytest.raises(AssertionError):
        assert_billed(log, proxy.answered, {**counted, "output": sums[1] + 1})
    answered = [*proxy.answered]
    more = {**answered[3].usage, "completion_tokens": answered[3].usage["completion_tokens"] + 1}
    answered[3] = replace(answered[3], usage=more)
    with pytest.raises(AssertionError):
        assert_billed(log, answered, {**counted, "output": sums[1] + 1})
    with pytest.raises(AssertionError):
        assert_billed(log, proxy.answered[1:], counted)
