"""Cleaning, quality and answers as pure functions of columns and tables; batch as thin wiring around them."""
