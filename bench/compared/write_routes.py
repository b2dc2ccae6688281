"""Writes routes with pyroute2 and reads them back; prints the times as JSON.

    write_routes.py NAMESPACE DEVICE TABLE COUNT

The work is what the agent's own library is asked for: COUNT host routes to DEVICE in TABLE, then a dump of that table.
"""
import json
import sys
import time

from pyroute2 import NetNS

namespace, device, table, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
with NetNS(namespace, flags=0) as netns:
    index = netns.link_lookup(ifname=device)[0]
    began = time.monotonic()
    for number in range(count):
        destination = "10.%d.%d.%d/32" % (64 + (number >> 16), (number >> 8) & 255, number & 255)
        netns.route("add", dst=destination, oif=index, table=table, scope=253, proto=179)
    written = time.monotonic()
    read = len(list(netns.get_routes(table=table, family=2)))
    ended = time.monotonic()
print(json.dumps({"addMs": (written - began) * 1000, "readMs": (ended - written) * 1000, "read": read}))
