"""Scans: descriptors, topologies and seeds trained side by side."""
