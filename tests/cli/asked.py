"""The commands that ask questions, with what makes them small; tests add the rest."""

__all__ = ["BEST", "CROSS", "HERE", "LATENCY", "RECORDS", "SOBOL", "SOBOL_OF_TWO"]

CASE = ("--model", "example-link", "--workload", "random", "--set", "workload.requests=20")
RECORDS = (
    "--model",
    "example-link",
    "--workload",
    "header-payload",
    "--set",
    "workload.requests=20",
)
HERE = ("--jobs", "1")
HALF = ("--set", "workload.payload_probability=0.5")
CROSS = ("crossover", *RECORDS, *HALF, *HERE, "--methods", "zero-copy,copy-once")
BEST = ("optimum", *RECORDS, *HERE)
SOBOL = ("sensitivity", *CASE, *HERE, "--methods", "zero-copy,copy-once")
SOBOL_OF_TWO = (*SOBOL, "--parameter", "link.rate", "--parameter", "model.link.latency")
LATENCY = "link.latency=100ns:50us"
