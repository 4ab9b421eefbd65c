"""The command line: parse, one call, echo."""
