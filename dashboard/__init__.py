"""The page: counts of every stage, the answers as charts, the quarantine, SQL; ``page.py`` wires the rest together."""
