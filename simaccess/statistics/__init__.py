"""The statistics of simulation experiments: replications, intervals, warm-up, when to stop.

One file an idea: `seeds` of replications, `intervals` of means, differences and shares, `warm_up`
and `batch_means` of one long run, `stopping`, and `crossing`, where a noisy difference changes
sign along a `span`.
"""
