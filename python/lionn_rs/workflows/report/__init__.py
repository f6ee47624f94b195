"""The report of ``lionn run``: one self-contained HTML file."""
