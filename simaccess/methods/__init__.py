"""The access methods: pure decisions about how a client's reads and writes are served.

A method yields operations (`simaccess.operations`) and never waits; whoever drives it does. The
four built-in ones are registered by name; other packages add theirs through the entry-point
group ``simaccess.methods``, whose entries name a class or function that returns a method.
"""
