"""Real links: the segments, clocks and memories on which the same access methods run."""
