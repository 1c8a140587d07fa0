"""What /openapi.json says of POST /predict."""

from typing import Any

TOP = 3  # classes of an answer, the likeliest first
_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="

PREDICT: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["files"],
                    "properties": {"files": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "images": {"type": "array", "items": {"type": "string", "format": "byte"}},
                        "rows": {"type": "array", "items": {"type": "object"}},
                    },
                },
                "examples": {
                    "pictures": {"value": {"images": [_PICTURE]}},
                    "rows of a table": {"value": {"rows": [{"age": 42, "sex": "female", "cabin": None}]}},
                },
            },
        },
    },
    "parameters": [
        {
            "name": "top",
            "in": "query",
            "description": "how many classes an answer names, the likeliest first",
            "schema": {"type": "integer", "minimum": 1, "default": TOP},
        }
    ],
}

_ANSWER = {
    "model": {"version": "0f3c5a7b9d1e", "sha256": "0f3c5a7b9d1e...", "promoted": "2026-05-04T03:00:12.345+00:00"},
    "predictions": [
        {
            "id": "4f1d3c0b8e7a49d2a6b5c4d3e2f1a0b9",
            "file": "cat.jpg",
            "prediction": "cat",
            "confidence": 0.97,
            "top": [{"class": "cat", "probability": 0.97}, {"class": "dog", "probability": 0.03}],
        },
        {"file": "letter.pdf", "error": "unreadable: no picture"},
    ],
}

PREDICT_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "An entry for each input, in their order; one that cannot be read says so and spoils no other",
        "content": {"application/json": {"example": _ANSWER}},
    },
    **{
        status: {"description": description, "content": {"application/json": {"example": {"error": "..."}}}}
        for status, description in {
            400: "The body cannot be read",
            401: "The key is missing or wrong",
            408: "The request did not arrive in time",
            413: "Too large, or too many inputs",
            415: "Another content type is needed",
            422: "No input can be answered",
            503: "Too many inputs wait; ask again after Retry-After",
            504: "There was no answer in time",
        }.items()
    },
}
