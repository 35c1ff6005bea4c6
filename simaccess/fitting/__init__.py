"""Fitting a model's parameters to measured points, and how sure the fit is.

`simaccess.calibrate` and `simaccess.validate` stand on it.
"""
