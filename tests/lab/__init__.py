"""A laboratory of slowness: a small gpfdist, segments and a wire in network namespaces, with causes on order.

Every run arranges one cause (a pausing source, a stopped process, a dead path, a recorder that misses frames), records
it with tcpdump and writes down the truth beside it: who did what from when to when, by one clock. Rights of root and
Linux namespaces are needed, nothing else leaves them.

Run it: `python -m tests.lab -o DIRECTORY [NAME...]`.
"""
