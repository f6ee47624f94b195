"""Two sets of trajectories compared: from folders and files to tables and figures."""
