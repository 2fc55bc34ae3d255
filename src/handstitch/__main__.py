"""python -m handstitch."""

from handstitch.cli import main

if __name__ == "__main__":
    main()
