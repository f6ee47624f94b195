"""Two sources of dynamics: equal or not."""
