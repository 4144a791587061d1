"""The frozen matrix: how each claim stands for each subject at each level, recorded once and compared from then on.

    python -m tests.matrix --level smoke                    compares, and prints what differs by subject and claim
    python -m tests.matrix --level smoke --only 'gate node' compares some of it
    python -m tests.matrix --level smoke --record           adds what it sees to what is recorded
    python -m tests.matrix --level smoke --only x --renew   records it anew
    python -m tests.matrix --program FILE                   compares an earlier version's commands with `before.json`

A subject is a command on something: `prove`, a trial of `selftest`, `gate` on a backend of the reference, of one of the
independent backends or of the foreign one; `rehearse` of each part and of each migration, `schema` of a database or a
folder, `coverage` of rows. What chance or load decides has several outcomes; any of them is right.
"""
