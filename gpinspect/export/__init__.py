"""From the grammar to artefacts that people use without us, and whether those are up to date."""
