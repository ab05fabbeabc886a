# Disks, after memory: what is written by then is our own footprint, and named in the evidence.


def keep_disks(event, context):
    steps, ec2 = Steps(), client("ec2")
    tags = [{"Key": "hozen:case", "Value": event["CaseId"]}, {"Key": "hozen:instance", "Value": event["InstanceId"]}]
    about = f"Hozen case {event['CaseId']} {event['InstanceId']}"
    made = []
    if event["Drill"] != "yes" and event["DiskEvidence"] == "snapshots":
        answer = steps.attempt("snapshots", ec2.create_snapshots, InstanceSpecification={"InstanceId": event["InstanceId"]}, Description=about,
                               CopyTagsFromSource="volume", TagSpecifications=[{"ResourceType": "snapshot", "Tags": tags}])
        made = [snapshot["SnapshotId"] for snapshot in (answer or {}).get("Snapshots", [])]
    if event["Drill"] != "yes" and event["DiskEvidence"] == "image":
        # Without a reboot: a clean shutdown is what attackers' scripts wait for, and it ends what memory would have shown.
        answer = steps.attempt("image", ec2.create_image, InstanceId=event["InstanceId"], NoReboot=True, Description=about,
                               Name=f"hozen-{event['CaseId']}-{event['InstanceId']}-{event['Execution'][:8]}",
                               TagSpecifications=[{"ResourceType": "image", "Tags": tags}, {"ResourceType": "snapshot", "Tags": tags}])
        made = [answer["ImageId"]] if answer else []
    note(event, disks=made, disks_failed=steps.failed)
    return {"Made": len(made)}
