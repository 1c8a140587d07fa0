"""The commands of `dl`, thin: every one calls one function elsewhere."""
