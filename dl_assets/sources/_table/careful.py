"""Reads text separated by a delimiter line by line, as strictly as the csv module can: slow, and never fooled by a quote."""

import csv
import io

UNCLOSED = "a quote is opened in this row and not closed"
MISPLACED = "a quote ends before its field does; write it twice inside a field in quotes"

Record = list[str] | str  # the fields, or what is wrong


def read_records(text: str, delimiter: str, *, is_last: bool) -> tuple[list[Record], int]:
    """Return the records of `text` without blank lines, and how many characters they took.

    Where quotes are wrong, the record is the line alone, so that the lines below it are still read. What may go on behind
    `text` is left, unless it `is_last`. A field in quotes is at most 131,072 characters long (the csv module's limit): else
    one lost quote would swallow the file.
    """
    lines = list(io.StringIO(text, newline="\n"))
    if lines and not is_last and not lines[-1].endswith("\n"):
        lines.pop()
    records: list[Record] = []
    done = 0
    while done < len(lines):
        done, problem = _until_problem(lines, done, delimiter, records)
        if problem is None:
            break
        if problem == UNCLOSED and not is_last and sum(map(len, lines[done:])) < csv.field_size_limit():
            break
        records.append(problem)
        done += 1
    return records, sum(map(len, lines[:done]))


def _until_problem(lines: list[str], start: int, delimiter: str, records: list[Record]) -> tuple[int, str | None]:
    """Add records from line `start` on; return the line after the last of them and what is wrong there."""
    reader = csv.reader((lines[number] for number in range(start, len(lines))), delimiter=delimiter, strict=True)
    done = start
    try:
        for fields in reader:
            if fields:
                records.append(fields)
            done = start + reader.line_num
    except csv.Error as error:
        return done, MISPLACED if "expected after" in str(error) else UNCLOSED if _is_unclosed(error) else str(error)
    return done, None


def _is_unclosed(error: csv.Error) -> bool:
    return "end of data" in str(error) or "field limit" in str(error)
