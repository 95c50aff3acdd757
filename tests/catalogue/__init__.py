"""The catalogue of what an inspector should flag, row by row: the smallest capture that shows it, and its harmless neighbour."""
