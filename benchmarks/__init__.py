"""Side-by-side measurements that anyone can run: `make bench`, or `python -m benchmarks.run --help`.

`generate` makes captures with their truth, `tools` knows what is compared and how its answer is read, `measure` runs it,
`report` says what came out. Nothing of gpinspect is imported: it is run as a command, like everything else.
"""
