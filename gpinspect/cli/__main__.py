"""`python -m gpinspect.cli`."""

from gpinspect.cli import main

main()
