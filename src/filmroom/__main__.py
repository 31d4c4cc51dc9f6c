"""`python -m filmroom`."""

from filmroom.cli.main import main

if __name__ == "__main__":  # worker processes import this module again
    main()
