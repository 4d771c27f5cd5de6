"""The item bank: what two districts author, review, give and collect together.

Nothing here knows of scoring. Importing the package is cheap; each module imports what it needs.
"""

__version__ = "0.1.0"
