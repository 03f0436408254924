"""`ptdet bench`: every peer beside us, interleaved in one process, and beneath us the floor of the machine.

    ptdet bench nms batched --quick
    ptdet bench --save results.json --compare older.json

`cases` says what is timed, `measure` how, `groups` holds one file a family of operations, `peers` finds the libraries
that are installed. `table`, `results`, `plots`, `compare`, `targets` and `readme` tell what came out.
"""
