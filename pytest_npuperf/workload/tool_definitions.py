"""Function tools as an assistant of a company would be offered them."""

from __future__ import annotations

from typing import Any

__all__ = ["MOST_TOOLS", "tool_definitions"]

_SUBJECTS = (
    "order customer invoice ticket product shipment employee meeting "
    "contract payment project vehicle building supplier course patient"
)
_ID = {
    "type": "string",
    "description": "Identifier, as returned by a search",
    "pattern": "^[A-Z]{2}-[0-9]{6}$",
}
_DATE = {"type": "string", "format": "date"}
_ACTIONS: dict[str, tuple[str, dict[str, Any], list[str]]] = {
    "search": (
        "Find every {} with these words in its name or description, the best match first.",
        {
            "query": {"type": "string", "description": "Words to look for"},
            "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
            "sort": {"type": "string", "enum": ["relevance", "newest", "oldest"]},
        },
        ["query"],
    ),
    "get": (
        "Read everything that is known of one {}.",
        {
            "id": _ID,
            "fields": {"type": "array", "items": {"type": "string"}, "description": "All where left out"},
        },
        ["id"],
    ),
    "create": (
        "Create a {} and return its identifier. Ask the user for what is missing before calling this.",
        {
            "name": {"type": "string", "maxLength": 200},
            "priority": {"type": "string", "enum": ["low", "normal", "high", "urgent"]},
            "due": _DATE,
            "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 10},
        },
        ["name", "priority"],
    ),
    "update": (
        "Change an existing {}. Only the given fields are changed.",
        {
            "id": _ID,
            "changes": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "status": {"type": "string", "enum": ["open", "waiting", "closed"]},
                    "owner": {"type": "string", "description": "E-mail address"},
                },
                "additionalProperties": False,
            },
        },
        ["id", "changes"],
    ),
    "delete": (
        "Delete a {} for good. This cannot be undone, so the user has to confirm it first.",
        {
            "id": _ID,
            "confirmed": {"type": "boolean", "description": "Whether the user has confirmed"},
        },
        ["id", "confirmed"],
    ),
    "list": (
        "List every {} of a status, one page at a time.",
        {
            "status": {"type": "string", "enum": ["open", "waiting", "closed"]},
            "page": {"type": "integer", "minimum": 1, "default": 1},
        },
        ["status"],
    ),
    "export": (
        "Write a report on every {} of a period and return the address where it can be downloaded.",
        {"first": _DATE, "last": _DATE, "format": {"type": "string", "enum": ["csv", "xlsx", "pdf"]}},
        ["first", "last"],
    ),
    "share": (
        "Send a {} to somebody, with a few words of explanation.",
        {
            "id": _ID,
            "channel": {"type": "string", "enum": ["email", "chat", "sms"]},
            "recipients": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "message": {"type": "string"},
        },
        ["id", "channel", "recipients"],
    ),
}

MOST_TOOLS = 128
"""So many OpenAI's API takes, and so many different ones there are."""


def tool_definitions(number: int) -> list[dict[str, Any]]:
    """The first ``number`` function tools, up to 128, each of its own name, in OpenAI's format."""
    return [_tool(index) for index in range(number)]


def _tool(index: int) -> dict[str, Any]:
    actions, subjects = list(_ACTIONS), _SUBJECTS.split()
    action = actions[index % len(actions)]
    # one further with each round of actions, so that no pair comes twice and neighbours differ in both
    subject = subjects[(index + index // len(actions)) % len(subjects)]
    description, properties, required = _ACTIONS[action]
    return {
        "type": "function",
        "function": {
            "name": f"{action}_{subject}",
            "description": description.format(subject),
            "parameters": {"type": "object", "properties": properties, "required": required},
        },
    }
