"""`python -m filmroom`."""

from filmroom.cli.main import main

main()
