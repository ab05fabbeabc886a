# Optional: before collection, nothing but the ways to the evidence and to Systems Manager.


def precontain(event, context):
    if event["PreContain"] != "yes" or not contains(event):
        return {"Done": "no"}
    steps = Steps()
    keep_for_release(event, steps, find_instance(event))
    if event["EgressGroupId"]:
        put_into(event, steps, "egress", event["EgressGroupId"])
    else:
        steps.failed.append("EgressGroupId is not given")
    note(event, precontained=steps.done, precontain_failed=steps.failed)
    return {"Done": "yes"}
