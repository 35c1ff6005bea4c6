"""Other programs' results as measured sets: pcie-bench, Intel MLC, fio and perftest."""

from simaccess.tables.formats import FORMATS, read_table

__all__ = ["FORMATS", "read_table"]
