"""Loads one table with the Python library of Open vSwitch and prints how long that took, as JSON.

    load_idl.py REMOTE SCHEMA TABLE ROWS COLUMN...

`loadMs` is from the start of the connection to the last row; imports are not in it.
"""
import json
import sys
import time

import ovs.db.idl
import ovs.poller

remote, schema, table, rows, columns = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5:]
helper = ovs.db.idl.SchemaHelper(schema)
helper.register_columns(table, columns)
idl = ovs.db.idl.Idl(remote, helper, probe_interval=0)
began = time.monotonic()
while True:
    idl.run()
    if len(idl.tables[table].rows) >= rows:
        break
    poller = ovs.poller.Poller()
    idl.wait(poller)
    poller.block()
print(json.dumps({"loadMs": (time.monotonic() - began) * 1000, "rows": len(idl.tables[table].rows)}))
