"""What the server serves: rows written into a FIFO at a pace, with pauses.

Plain script: argument 1 is the plan as JSON (`path`, `total` bytes, `rate` in bytes a second or null, `chunk` bytes at a time,
`pauses` as [[second, length], ...] after the start time). A line with the start time comes in; the pauses that were made go out
as JSON, and `worst`, the longest time (s) by which a wait was longer than it should be.
"""

import json
import os
import sys
import time


def rows(total):
    made, number = 0, 0
    while made < total:
        number += 1
        row = b"%08d|a row of the laboratory, as wide as rows are when nobody looks at them|%07d\n" % (
            number,
            number * 7919 % 10**7,
        )
        made += len(row)
        yield row


def main():
    plan = json.loads(sys.argv[1])
    print("ready", flush=True)
    zero = float(sys.stdin.readline())
    content = b"".join(rows(plan["total"]))
    pipe = os.open(plan["path"], os.O_WRONLY)
    begun, paused, made, worst = time.monotonic(), 0.0, [], 0.0
    pauses = list(plan["pauses"])
    for at in range(0, len(content), plan["chunk"]):
        if pauses and time.time() >= zero + pauses[0][0]:
            _, length = pauses.pop(0)
            start = time.time_ns()
            time.sleep(length)
            made.append([start, time.time_ns()])
            paused += length
        if plan["rate"]:
            due = begun + paused + at / plan["rate"]
            if due > time.monotonic():
                time.sleep(due - time.monotonic())
                worst = max(worst, time.monotonic() - due)
        piece = memoryview(content)[at : at + plan["chunk"]]
        while piece:
            piece = piece[os.write(pipe, piece) :]
    os.close(pipe)
    print(json.dumps({"pauses": made, "worst": worst}), flush=True)


main()
