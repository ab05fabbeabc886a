"""Rules of EventBridge, as far as the templates use them: whether a pattern matches an event, and what a target then gets.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html and eb-transform-target-input.html
"""

import json
import operator
import re

COMPARED = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq}


def matches(pattern, event):
    """Every field of the pattern is in the event, with one of the values."""
    for name, wanted in pattern.items():
        # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
        if name == "$or":
            if not any(matches(one, event) for one in wanted):
                return False
            continue
        found = event.get(name)
        if isinstance(wanted, dict):
            # Of a list of objects one is enough.
            if not any(isinstance(one, dict) and matches(wanted, one) for one in (found if isinstance(found, list) else [found])):
                return False
        elif not any(fits(one, value) for one in wanted for value in (found if isinstance(found, list) else [found])):
            return False
    return True


def fits(wanted, value):
    if not isinstance(wanted, dict):
        return value == wanted
    (how, word), = wanted.items()
    if how == "prefix":
        return isinstance(value, str) and value.startswith(word)
    if how == "anything-but":
        return value not in (word if isinstance(word, list) else [word])
    if how == "numeric":
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and all(COMPARED[sign](value, limit) for sign, limit in zip(word[::2], word[1::2]))
    raise ValueError(f"{how} is not known here")


def at(value, path):
    """What a path of EventBridge names: fields, and [*] for each of a list."""
    for part in re.findall(r"\.([A-Za-z0-9_-]+)|\[(\*)\]", path.removeprefix("$")):
        name, every = part
        value = value if every else [one[name] for one in value] if isinstance(value, list) else value[name]
    return value


def transformed(transformer, event):
    """The JSON that a target gets."""
    text = transformer["InputTemplate"]
    for name, path in transformer["InputPathsMap"].items():
        text = text.replace(f"<{name}>", json.dumps(at(event, path)))
    return json.loads(text)


def given(target, event):
    """What a target gets: the whole event, where nothing transforms it."""
    return transformed(target["InputTransformer"], event) if "InputTransformer" in target else event
