"""Times ptdet and other libraries in turn, in one process, and compares them with the floor of the machine.

    python -m benchmarks nms batched --quick
    python -m benchmarks --save results.json --compare older.json

`cases` says what is timed, `measure` how, `groups` has one file a family of operations, `peers` finds the libraries
that are installed. `table`, `results`, `plots`, `compare`, `targets` and `readme` show the results.
"""
