# SPDX-License-Identifier: Apache-2.0
"""What a gate did while something else was measured: how its limit moved, whom it shed and why."""

import threading
import time


class LimitLog:
    """Asks a Loadline for its gate four times a second, between `with` and its end."""

    _INTERVAL = 0.25

    def __init__(self, proxy):
        self.samples = []
        self.shed = {}
        self._shed_before = {}
        self._proxy = proxy
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        start = time.monotonic()
        while not self._done.wait(self._INTERVAL):
            gate = self._proxy.gate()
            self.samples.append({
                "at_s": round(time.monotonic() - start, 2), "active": gate["active"],
                "held": gate["held"], "waiting": gate["waiting"], **gate["limit"],
            })

    def __enter__(self):
        self._shed_before = self._shed()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self.shed = {
            tier: {reason: count - self._shed_before[tier][reason] for reason, count in reasons.items()}
            for tier, reasons in self._shed().items()
        }

    def _shed(self):
        """{tier: {reason: attempts}} since it started."""
        return {tier: counts["shed"] for tier, counts in self._proxy.gate()["tiers"].items()}
