"""Figures. Each function draws into given Axes or into its own, and returns them."""

from simaccess.plot.agreement import agreement, measured_against_predicted, residuals
from simaccess.plot.axis import along
from simaccess.plot.comparison import comparison
from simaccess.plot.latency import latency_cdf
from simaccess.plot.method_map import method_map, method_maps
from simaccess.plot.regimes import regime_map, regimes
from simaccess.plot.sampled import scatter, winner_points
from simaccess.plot.style import STYLES, Style, save
from simaccess.plot.sweep import sweep_figure, write_figures

__all__ = [
    "STYLES",
    "Style",
    "agreement",
    "along",
    "comparison",
    "latency_cdf",
    "measured_against_predicted",
    "method_map",
    "method_maps",
    "regime_map",
    "regimes",
    "residuals",
    "save",
    "scatter",
    "sweep_figure",
    "winner_points",
    "write_figures",
]
