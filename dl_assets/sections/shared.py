"""What several sections have."""

from typing import Annotated, Literal

from pydantic import Field

Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


Action = Annotated[
    Literal["reject", "flag", "off"], Field(description="reject: leave the samples out; flag: only list them; off: do not look")
]
