# SPDX-License-Identifier: Apache-2.0
"""Every driver's tour runs straight against Postgres and through Loadline, and must tell the same."""

import pytest

_transcripts = {}


@pytest.fixture
def same_as_direct(request, target):
    """same_as_direct(transcript): fails where the route through Loadline told something else.

    Tours assert what they know of Postgres themselves; this catches what nobody thought of.
    """

    def compare(transcript):
        name = request.node.originalname
        assert len(transcript) > 3, "a tour without a story compares nothing"
        if target.route == "direct":
            _transcripts[name] = transcript
        elif name in _transcripts:
            for direct, through in zip(_transcripts[name], transcript):
                assert through == direct
            assert len(transcript) == len(_transcripts[name])

    return compare
