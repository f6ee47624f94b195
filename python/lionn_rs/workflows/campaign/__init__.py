"""Campaigns: a table of independent runs of dynamics, on this machine or on many."""
