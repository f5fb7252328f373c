# SPDX-License-Identifier: Apache-2.0
"""What a shed operation looks like from a client, whatever the client is written in."""

import re

REASONS = {"queue_timeout", "queue_full", "pushed_out", "deadline", "draining", "scorecard"}


def check_refusal(sqlstate, detail, hint, *, reason=None, tier="t3", tenant="postgres"):
    assert sqlstate == "53000"
    fields = dict(re.findall(r"(\w+)=(\S+)", detail))
    assert fields["reason"] in REASONS, detail
    if reason:
        assert fields["reason"] == reason, detail
    assert fields["tier"] == tier, detail
    assert fields["tenant"] == tenant, detail
    retry = re.search(r"retry_after_ms=(\d+)", hint)
    assert retry and 0 < int(retry[1]) <= 60_000, hint
