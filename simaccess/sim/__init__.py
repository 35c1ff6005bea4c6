"""The simulated side: time, stations and the kinds of interconnects, on SimPy."""
