# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition, with a bound, instead of sleeping and hoping."""

import os
import time

# Sanitizers slow everything down; LOADLINE_TEST_PATIENCE=5 stretches every bound by that factor.
PATIENCE = float(os.environ.get("LOADLINE_TEST_PATIENCE", "1"))


def eventually(condition, what, within=5.0, every=0.01):
    """Polls `condition` until it returns something true, and returns that. Fails after `within` seconds."""
    end = time.monotonic() + within * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {within * PATIENCE:g} s: {what}"
        time.sleep(every)


def holds_for(condition, what, seconds):
    """Fails if `condition` stops being true at any poll within `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"stopped being true: {what}"
        time.sleep(0.01)
