# Keeps the instance and its disks from being terminated by whoever means well. A drill leaves all as it is.


def protect(event, context):
    steps, instance = Steps(), find_instance(event)
    if event["Drill"] == "yes":
        change_attributes(event, instance, lambda *what, **arguments: rehearse(steps, *what, **arguments))
    else:
        keep_for_release(event, steps, instance)
        change_attributes(event, instance, steps.attempt)
        take_out_of_scaling(event, steps)
    note(event, protected=steps.done, not_protected=steps.failed)
    return {"Failed": len(steps.failed)}


def change_attributes(event, instance, do):
    ec2, one = client("ec2"), {"InstanceId": event["InstanceId"]}
    do("termination protection", ec2.modify_instance_attribute, **one, DisableApiTermination={"Value": True})
    do("shutdown stops", ec2.modify_instance_attribute, **one, InstanceInitiatedShutdownBehavior={"Value": "stop"})
    for disk in instance.get("BlockDeviceMappings", []):
        kept = [{"DeviceName": disk["DeviceName"], "Ebs": {"DeleteOnTermination": False}}]
        do("disk stays: " + disk["DeviceName"], ec2.modify_instance_attribute, **one, BlockDeviceMappings=kept)
    tags = [{"Key": "hozen:case", "Value": event["CaseId"]}, {"Key": "hozen:execution", "Value": event["Execution"]}]
    do("tags", ec2.create_tags, Resources=[event["InstanceId"]], Tags=tags)


def take_out_of_scaling(event, steps):
    """A group that finds a member ill terminates it, and the evidence with it: it stands by, and another takes its place. Standing by takes it
    from load balancers, too."""
    scaling = client("autoscaling")
    found = steps.attempt("scaling groups", scaling.describe_auto_scaling_instances, InstanceIds=[event["InstanceId"]])
    for member in (found or {}).get("AutoScalingInstances", []):
        place = {"InstanceIds": [event["InstanceId"]], "AutoScalingGroupName": member["AutoScalingGroupName"]}
        steps.attempt("no scale-in", scaling.set_instance_protection, **place, ProtectedFromScaleIn=True)
        if member["LifecycleState"] != "InService":
            continue
        try:
            scaling.enter_standby(**place, ShouldDecrementDesiredCapacity=False)
            steps.done.append("standby, replaced")
        except FAILED:
            # A group at its maximum takes no replacement.
            steps.attempt("standby", scaling.enter_standby, **place, ShouldDecrementDesiredCapacity=True)
