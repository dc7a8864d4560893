"""When requests are sent: plans, the load generator process, and the trace it leaves.

The modules are imported one by one: the generator must not pay for what pytest's side needs.
"""
