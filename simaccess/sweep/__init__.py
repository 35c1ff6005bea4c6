"""Experiments: a question in a file, answered by many simulations on a pool of processes."""
