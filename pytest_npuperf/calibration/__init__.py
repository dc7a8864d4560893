"""What the client can take on this machine, and how true its times are.

The modules are imported one by one: the command line must not pay for what a calibration needs.
"""
