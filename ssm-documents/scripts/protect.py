# Keeps the instance and its disks from being terminated by whoever means well.


def protect(event, context):
    steps, ec2, instance = Steps(), client("ec2"), find_instance(event)
    keep_for_release(event, steps, instance)
    change = ec2.modify_instance_attribute
    one = {"InstanceId": event["InstanceId"]}
    steps.attempt("termination protection", change, **one, DisableApiTermination={"Value": True})
    steps.attempt("shutdown stops", change, **one, InstanceInitiatedShutdownBehavior={"Value": "stop"})
    for disk in instance.get("BlockDeviceMappings", []):
        kept = [{"DeviceName": disk["DeviceName"], "Ebs": {"DeleteOnTermination": False}}]
        steps.attempt("disk stays: " + disk["DeviceName"], change, **one, BlockDeviceMappings=kept)
    take_out_of_scaling(event, steps)
    tags = [{"Key": "hozen:case", "Value": event["CaseId"]}, {"Key": "hozen:execution", "Value": event["Execution"]}]
    steps.attempt("tags", ec2.create_tags, Resources=[event["InstanceId"]], Tags=tags)
    note(event, protected=steps.done, not_protected=steps.failed)
    return {"Failed": len(steps.failed)}


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
