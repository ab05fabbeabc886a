"""Policies of IAM, as far as ours use them: whether a request is allowed.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html, and for the conditions reference_policies_elements_condition_operators.html
"""

import fnmatch
import re


def like(pattern, value):
    """The wildcards of IAM; letters count as they are."""
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


COMPARED = {
    "StringEquals": lambda wanted, found: wanted == found,
    "ArnEquals": like,
    "ArnLike": like,
    "Bool": lambda wanted, found: wanted == found,
    "NumericLessThan": lambda wanted, found: float(found) < float(wanted),
}


def as_list(value):
    return value if isinstance(value, list) else [value]


def filled(text, context):
    """With what stands for its variables; one that is not known matches nothing."""
    return re.sub(r"\$\{([^}]*)\}", lambda found: str(context.get(found[1], "\0")), text)


def holds(operator, key, wanted, context):
    """One condition of a statement, with one key."""
    if operator == "Null":
        return (key not in context) == (wanted == "true")
    plain = operator.removesuffix("IfExists")
    is_negated = "Not" in plain
    if key not in context:
        # What is not there is unequal to everything, and equal to nothing.
        return is_negated or plain != operator
    return is_negated != any(COMPARED[plain.replace("Not", "")](filled(str(one), context), context[key]) for one in as_list(wanted))


def is_about(statement, principal):
    """In a policy of a resource; that of a role is about the role."""
    if "Principal" not in statement:
        return True
    named = statement["Principal"]
    return named == "*" or any(one == principal or re.fullmatch(r"[0-9]{12}", one) and f"::{one}:" in principal for one in as_list(named.get("AWS", [])))


def applies(statement, principal, action, resource, context):
    return (is_about(statement, principal)
            and any(like(one.lower(), action.lower()) for one in as_list(statement["Action"]))
            and any(like(filled(one, context), resource) for one in as_list(statement["Resource"]))
            and all(holds(operator, key, wanted, context)
                    for operator, about in statement.get("Condition", {}).items() for key, wanted in about.items()))


def decided(policy, principal, action, resource, context):
    """Allow or Deny, with the name of the statement that says so; a denial counts more. Or nothing."""
    found = [one for one in policy["Statement"] if applies(one, principal, action, resource, context)]
    for effect in ("Deny", "Allow"):
        for one in found:
            if one["Effect"] == effect:
                return effect, one["Sid"]
    return None, None


def allowed(policies, *request):
    """Whether each of the policies allows it, as it must be between two accounts."""
    return all(decided(policy, *request)[0] == "Allow" for policy in policies)
