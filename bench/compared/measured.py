"""Runs a program and prints what it cost as the last line of standard output, as JSON.

    measured.py [--discard-output] -- PROGRAM [ARGUMENTS...]

Wall time from before the start to after the end; processor time and largest resident memory as the kernel accounts
them for the child. Ends with the program's status when it failed.
"""
import json
import os
import resource
import subprocess
import sys
import time

arguments = sys.argv[1:]
split = arguments.index("--")
flags, argv = arguments[:split], arguments[split + 1:]
output = subprocess.DEVNULL if "--discard-output" in flags else None

sys.stdout.flush()
began = time.monotonic()
status = subprocess.call(argv, stdout=output, stdin=subprocess.DEVNULL)
wall = time.monotonic() - began
if status != 0:
    sys.exit(status if status > 0 else 128 - status)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
line = {
    "wallMs": wall * 1000,
    "cpuMs": (used.ru_utime + used.ru_stime) * 1000,
    "peakBytes": used.ru_maxrss * 1024,
}
os.write(1, (json.dumps(line) + "\n").encode())
