"""The works of docs/performance.md as models of simulators, ours among them."""
