"""Logs: rows that outlive the process that wrote them. Who serves writes them, who watches reads them, neither knows the other.

They are of predictions and of the right answers that came back; a row is found again by its id, which tells its time.
"""
