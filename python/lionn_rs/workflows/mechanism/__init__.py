"""Structure and mechanism of runs on disk: tables, densities, figures."""
