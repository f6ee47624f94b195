"""The command line ``lionn``: one file per command, :mod:`lionn_rs.cli.main` puts them together."""
