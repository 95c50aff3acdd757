"""A small parent: starts one command, waits for it, says what it used.

    python -I -S launch.py SECONDS STDOUT STDERR COMMAND...

A child's peak memory is never below its parent's at the moment of exec, so the parent must be small, and is a process of its
own for each run. Prints CPU seconds (user, system), peak KiB, exit status, and whether time ran out.
"""

import os
import signal
import sys


def main() -> None:
    limit, out, error, command = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]
    child = os.fork()
    if not child:
        for number, name in ((1, out), (2, error)):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            os.execvp(command[0], command)
        except OSError as problem:
            os.write(2, str(problem).encode())
            os._exit(127)
    late = []

    def stop(*_: object) -> None:
        late.append(1)
        os.kill(child, signal.SIGKILL)

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(limit)
    _, status, usage = os.wait4(child, 0)
    print(usage.ru_utime, usage.ru_stime, usage.ru_maxrss, os.waitstatus_to_exitcode(status), len(late))


main()
