"""The access methods: pure decisions about how a client's reads and writes are served.

A method yields operations (`simaccess.operations`) and never waits; whoever drives it does.
`simaccess.registry` knows them by name.
"""
