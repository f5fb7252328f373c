# SPDX-License-Identifier: Apache-2.0
"""The two ways a database is overloaded here: too little CPU, and too many who want the same rows."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Workload:
    name: str
    what: str
    setup: str
    script: str


CPU_BOUND = Workload(
    name="cpu",
    what="CPU-bound: one aggregate of some 5 ms",
    setup="",
    script="SELECT sum(n) FROM generate_series(1, 40000) AS n;\n",
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
    script="""\\set account random(1, 100000)
\\set branch random(1, 2)
\\set delta random(-5000, 5000)
BEGIN;
UPDATE accounts SET balance = balance + :delta WHERE id = :account;
UPDATE branches SET balance = balance + :delta WHERE id = :branch;
INSERT INTO history (account, branch, delta) VALUES (:account, :branch, :delta);
COMMIT;
""",
)

ALL = (CPU_BOUND, LOCK_BOUND)
