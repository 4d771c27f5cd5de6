"""`itembank report access`: who is enrolled in the required courses, who is not and was ready."""

import typer

app = typer.Typer()
