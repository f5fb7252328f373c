# SPDX-License-Identifier: Apache-2.0
"""The ways a database is overloaded here: too little CPU, too many who want the same rows, long
operations among short ones, a disk that becomes slow, and a server that stands still for a while."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    what: str
    setup: str
    scripts: tuple  # Of (SQL, weight).
    before_run: str = ""  # SQL, before each run's warm-up.
    at_start: str = ""  # SQL, when what is measured begins; capacity is measured after it.
    stall_s: float = 0  # The whole server is stopped for that long, a second after that.


CPU_BOUND = Workload(
    name="cpu",
    what="CPU-bound: one aggregate of some 5 ms",
    setup="",
    scripts=(("SELECT sum(n) FROM generate_series(1, 40000) AS n;\n", 1),),
)

# The hot row is locked over two round trips and a commit to disk, as applications do it. Two such rows
# leave the processor idle enough for the generator and the proxy to refuse the rest on the same cores.
LOCK_BOUND = Workload(
    name="lock",
    what="lock-bound: transactions that each update one of 2 hot rows, in 5 round trips",
    setup="""
        CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL);
        INSERT INTO accounts SELECT n, 0 FROM generate_series(1, 100000) AS n;
        CREATE TABLE branches (id int PRIMARY KEY, balance bigint NOT NULL) WITH (fillfactor = 10);
        INSERT INTO branches SELECT n, 0 FROM generate_series(1, 2) AS n;
        CREATE TABLE history (account int, branch int, delta int, at timestamptz DEFAULT now());
    """,
    scripts=(("""\\set account random(1, 100000)
\\set branch random(1, 2)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE accounts SET balance = balance + :delta WHERE id = :account;
UPDATE branches SET balance = balance + :delta WHERE id = :branch;
INSERT INTO history (account, branch, delta) VALUES (:account, :branch, :delta);
COMMIT;
""", 1),),
)

BIMODAL = Workload(
    name="bimodal",
    what="bimodal: 19 of 20 take some 2 ms of CPU, one some 60",
    setup="",
    scripts=(
        ("SELECT sum(n) FROM generate_series(1, 15000) AS n;\n", 19),
        ("SELECT sum(n), max(n) FROM generate_series(1, 400000) AS n;\n", 1),
    ),
)

# A wait that takes no processor, as for a disk. The more of it, the more operations it takes to keep the
# processors busy: whoever takes a longer answer for a queue lowers the limit where it must rise.
IO_SHIFT = Workload(
    name="io",
    what="IO-shifted: some 3 ms of CPU, and a wait that goes from 2 to 25 ms as the measurement begins",
    setup="CREATE TABLE disk (seconds float); INSERT INTO disk VALUES (0.002);",
    scripts=((
        "SELECT sum(n) FROM generate_series(1, 25000) AS n, (SELECT pg_sleep(seconds) FROM disk) AS waited;\n",
        1,
    ),),
    before_run="UPDATE disk SET seconds = 0.002",
    at_start="UPDATE disk SET seconds = 0.025",
)

STALL = dataclasses.replace(
    CPU_BOUND, name="stall", stall_s=2.0,
    what="stalled: the same, and the server is stopped (SIGSTOP) for 2 s",
)

ALL = (CPU_BOUND, LOCK_BOUND, BIMODAL, IO_SHIFT, STALL)
