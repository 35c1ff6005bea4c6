"""Questions that take many simulations, each asked at the places that answer it.

`crossover`: where along an axis does the best method change? `optimum`: which value of a method's
parameter is best? `sensitivity`: which parameter of the link decides the winner? All three stand
on a `case`, an `axis` and `log_times`, which simulates what is asked for once.
"""
