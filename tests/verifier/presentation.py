"""presentation.md part 5: the text that people saw, from the document alone."""
from datetime import datetime, timezone


def text_form(document):
    """None where the document has no text form."""
    try:
        return "\n".join(lines(document)) + "\n"
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def typed(value, sort):
    if type(value) is not sort:
        raise TypeError(sort)
    return value


def text(of, name):
    return typed(of[name], str)


def lines(shown):
    yield text(shown, "sentence")
    if typed(shown["irreversible"], bool):
        yield "This cannot be undone."
    yield from parameters("Parameters ({})", typed(shown["parameters"], list))
    others = typed(shown["other_parameters"], list)
    if others:
        yield from parameters("Other parameters, not named by the policy ({})", others)
    yield from ("", "What will change", "  " + text(shown, "effect"))
    yield from why(shown["why"])
    says = shown["agent_says"]
    yield from ("", "The agent says (unverified)", "  | " + (text(says, "text") or "(nothing)"))
    if typed(says["cut"], bool):
        yield "  | (cut: the agent wrote more)"
    for mark in typed(says["not_in_parameters"], list):
        yield "  NOT IN THE PARAMETERS: " + typed(mark, str)


def parameters(title, found):
    yield from ("", title.format(len(found)))
    for line in found:
        yield f"  {text(line, 'path')} = {text(line, 'value')}"
        if type(line.get("normal")) is str:
            yield f"      {'LOOK TWICE' if typed(line['doubtful'], bool) else 'that is'}: {line['normal']}"


def why(why_):
    yield from ("", "Why you")
    for rule in typed(why_["rules"], list):
        yield f"  Rule {text(rule, 'rule')}: {text(rule, 'title')}"
    for slot in typed(why_["slots"], list):
        groups = " or ".join(typed(group, str) for group in typed(slot["groups"], list))
        need = typed(slot["need"], int)
        yield f"  It needs {need} {'person' if need == 1 else 'people'} of {groups} (rule {text(slot, 'rule')})"
    asked = why_["asked_by"]
    by = f"  Asked by {text(asked, 'name')} ({text(asked, 'id')})"
    if type(asked.get("on_behalf_of")) is str:
        by += f" on behalf of {text(asked, 'on_behalf_of_name')} ({asked['on_behalf_of']})"
    yield by
    if type(why_.get("session")) is str:
        yield "  In the session " + why_["session"]
    before = datetime.fromtimestamp(typed(why_["decide_before"], int) // 1000, timezone.utc)
    yield f"  Decide before {before:%Y-%m-%dT%H:%M:%SZ}; no answer cancels it"
    runs = why_["run_by"]
    within = span(typed(why_["execute_within_ms"], int))
    yield f"  Once approved it may run once, within {within}, by {text(runs, 'name')} ({text(runs, 'id')})"
    yield "  Policy sha256:" + text(why_, "policy")


def span(ms):
    words = []
    for unit, name in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms")):
        if ms >= unit:
            words.append(f"{ms // unit} {name}")
            ms %= unit
    return " ".join(words) or "0 s"
