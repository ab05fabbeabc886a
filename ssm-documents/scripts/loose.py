def quarantine_groups(event):
    filters = [{"Name": "tag:hozen:purpose", "Values": ["quarantine"]}]
    found = client("ec2").describe_security_groups(Filters=filters)["SecurityGroups"]
    return {group["GroupId"] for group in found if lets_nothing_through(group)} | {event["QuarantineGroupId"]} - {""}


def still_loose(event):
    """Interfaces that are not in a quarantine group and nothing else."""
    known = quarantine_groups(event)
    return [card["NetworkInterfaceId"] for card in interfaces(event) if len(groups_of(card)) != 1 or groups_of(card)[0] not in known]
