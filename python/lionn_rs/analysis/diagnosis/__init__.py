"""Residuals and features of a potential, judged."""
