"""Chains of the package's parts: the whole workflow and its report."""
