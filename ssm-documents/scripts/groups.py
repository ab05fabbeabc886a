PURPOSES = {
    "quarantine": "no way in, no way out",
    "untrack": "everything open for a minute, so that connections are no longer tracked, and end with the next group",
    "egress": "out to the evidence and to Systems Manager, nothing in",
}


def group_for(event, steps, network, purpose, given):
    """The group for a purpose in this network: the one that was given if it is there, else one that is tagged (and closed, if it is to
    contain), else a new one."""
    ec2 = client("ec2")
    for filters in ([{"Name": "group-id", "Values": [given]}] if given else None,
                    [{"Name": "tag:hozen:purpose", "Values": [purpose]}]):
        if filters is None:
            continue
        filters.append({"Name": "vpc-id", "Values": [network]})
        found = ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        if filters[0]["Name"] != "group-id" and purpose == "quarantine":
            found = [group for group in found if lets_nothing_through(group)]
        if found:
            return found[0]["GroupId"]
    return make_group(event, network, purpose)


def make_group(event, network, purpose):
    """Containment does not fail for want of a group. A new one lets everything out, to IPv4 and in some networks IPv6: that is taken away."""
    ec2 = client("ec2")
    tags = [{"ResourceType": "security-group", "Tags": [{"Key": "hozen:purpose", "Value": purpose}]}]
    group = ec2.create_security_group(GroupName=f"hozen-{purpose}-{event['Execution'][:8]}", Description="Hozen: " + PURPOSES[purpose],
                                      VpcId=network, TagSpecifications=tags)["GroupId"]
    rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissionsEgress"]
    if rules:
        ec2.revoke_security_group_egress(GroupId=group, IpPermissions=rules)
    if purpose == "untrack":
        everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=everything)
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=everything)
    return group


def put_into(event, steps, purpose, given):
    """Puts every interface into the group for this purpose; says which are in it."""
    inside = set()
    for card in interfaces(event):
        name = card["NetworkInterfaceId"]
        group = steps.attempt(f"{purpose} group for {name}", group_for, event=event, steps=steps, network=card["VpcId"],
                              purpose=purpose, given=given)
        if group is None:
            continue
        if groups_of(card) == [group]:
            inside.add(name)
        elif steps.attempt(f"{purpose}: {name}", client("ec2").modify_network_interface_attribute, NetworkInterfaceId=name,
                           Groups=[group]) is not None:
            inside.add(name)
    return inside
