#!/usr/bin/env python3
"""Walks Hozen-Respond and Hozen-Release against moto, and looks at what they left in the account."""

import copy
import json
import unittest

from botocore.exceptions import ClientError

import lint
import stage
from engine import Cancelled, Execution, StepFailed, World, denied
from stage import ACCOUNT, BUCKET, DOCUMENTS, Stage

BEFORE_CONTAINMENT = ["Identify", "Route", "Protect", "SaveFacts", "CanCollect", "Gather", "KeepDisks", "LayHold", "MustAsk"]


class Respond(unittest.TestCase):
    """The ways of a response."""

    def test_all_goes_well(self):
        with Stage() as on:
            run = on.respond()
            self.assertEqual((run.status, run.outputs["Report"]["Outcome"]), ("Success", "collected-and-contained"))
            self.assertTrue(on.contained() and on.untouched(on.neighbour))
            self.assertEqual((on.profile(), on.imds()), (["quarantined"], "disabled"))
            told = on.told()
            self.assertEqual((told["contained"], told["containment_reason"], told["sealed"]), ("yes", "after collection", True))
            self.assertEqual((told["end_sha256"], told["memory"]), ("e" * 64, "ok"))
            self.assertIn("detective/home", told["links"]["detective"])
            self.assert_linked(on, run, told)
            self.assert_told_everywhere(on, told)
            self.assertEqual(on.world.called("ssm", "DeleteParameter")[-1]["Name"], "/hozen/lock/" + on.instance)
            hold = on.world.client("s3").real.get_object_legal_hold(Bucket=BUCKET, Key=f"cases/IR-1/{ACCOUNT}/i-0/{stage.RUN}/999-end.json")
            self.assertEqual(hold["LegalHold"]["Status"], "ON")

    def assert_linked(self, on, run, told):
        console = f"https://{stage.REGION}.console.aws.amazon.com"
        finding = on.parameters()["FindingId"]
        self.assertEqual(told["links"], {
            "detective": f"{console}/detective/home?region={stage.REGION}#entities/Ec2Instance/{on.instance}",
            "execution": f"{console}/systems-manager/automation/execution/{run.id}?region={stage.REGION}",
            "finding": f"{console}/securityhub/home?region={stage.REGION}#/findings?search=Id%3D{finding}"})
        self.assertEqual(told["finding"], finding)

    def assert_told_everywhere(self, on, told):
        """The event says what the topic is told; the finding gets a note of what to do, and fields."""
        (event,) = [entry for call in on.world.called("events", "PutEvents") for entry in call["Entries"]]
        self.assertEqual((event["Source"], event["DetailType"], event["Resources"]), ("hozen", "Hozen Response Ended", [on.instance]))
        self.assertEqual(json.loads(event["Detail"]), told)
        (note,) = on.world.called("securityhub", "BatchUpdateFindings")
        given = on.parameters()
        self.assertEqual(note["FindingIdentifiers"], [{"Id": given["FindingId"], "ProductArn": given["ProductArn"]}])
        self.assertEqual(note["Note"], {"Text": f"Evidence is sealed. Verify it: hozen verify {told['run']}", "UpdatedBy": "hozen"})
        self.assertEqual(note["UserDefinedFields"], {"HozenCase": "IR-1", "HozenOutcome": told["outcome"], "HozenRun": told["run"]})

    def test_the_newer_security_hub_gets_the_outcome_as_a_comment(self):
        with Stage() as on:
            product = f"arn:aws:securityhub:{stage.REGION}::productv2/example/edr"
            on.respond(ProductArn=product, FindingId="finding-1")
            (told,) = on.world.called("securityhub", "BatchUpdateFindingsV2")
            self.assertEqual(told["FindingIdentifiers"], [{"CloudAccountUid": ACCOUNT, "FindingInfoUid": "finding-1", "MetadataProductUid": product}])
            self.assertIn("Hozen collected-and-contained, case IR-1", told["Comment"])
            self.assertEqual(on.world.called("securityhub", "BatchUpdateFindings"), [])

    def test_the_order_is_memory_then_disks_then_containment(self):
        with Stage() as on:
            on.respond()
            order = [on.first("ec2", "ModifyInstanceAttribute"), on.first("s3", "PutObject"), on.first("sts", "AssumeRole"),
                     on.first("ssm", "ListCommands"), on.first("ec2", "CreateSnapshots"), on.first("ec2", "ModifyNetworkInterfaceAttribute"),
                     on.first("ec2", "ReplaceIamInstanceProfileAssociation"), on.first("ec2", "ModifyInstanceMetadataOptions"),
                     on.first("iam", "PutRolePolicy"), on.first("ssm", "DeleteParameter", lambda one: not one["Name"].endswith("-seal")),
                     on.first("sns", "Publish")]
            self.assertEqual(order, sorted(order))

    def test_collect_only_never_contains(self):
        for change in ({}, {"fault": stage.collect_badly}, {"fault": stage.collect_killed}, {"cancel": "Gather"}, {"Drill": "yes"}):
            with self.subTest(change), Stage() as on:
                if "fault" in change:
                    on.world.on_command["Hozen-Collect"] = change["fault"]
                if "cancel" in change:
                    cancel_at(on.world, change["cancel"])
                mode = "collect-and-contain" if "Drill" in change else "collect-only"
                on.respond(Mode=mode, Drill=change.get("Drill", "no"))
                self.assertTrue(on.untouched())
                self.assertEqual((on.profile(), on.imds()), (["web"], "enabled"))

    def test_a_drill_goes_beside_the_cases(self):
        with Stage() as on:
            run = on.respond(Drill="yes")
            self.assertEqual(run.outputs["Report"]["Outcome"], "collected")
            command = [command for command in on.world.commands if command["Document"] == "Hozen-Collect"][0]
            self.assertEqual(command["Parameters"]["EvidenceUri"], f"s3://{BUCKET}/cases-drill")
            self.assertEqual(on.world.called("ec2", "CreateSnapshots"), [])

    def test_a_drill_changes_nothing_and_tells_what_would_not_work(self):
        with Stage() as on:
            before = (on.tags(), on.attribute("disableApiTermination"))
            on.world.fail("ec2", "ModifyNetworkInterfaceAttribute")
            run = on.respond(Drill="yes", PreContain="yes", EgressGroupId=on.egress)
            self.assertEqual((on.tags(), on.attribute("disableApiTermination")), before)
            # The writer's session is ended, which is of the role of the run and of nothing of the instance.
            self.assertEqual([api for api in on.changed() if api != "PutRolePolicy"], [])
            self.assertTrue(on.untouched())
            self.assertIn("would: termination protection", on.noted(run)["protected"])
            self.assertTrue(any("quarantine: eni-" in one and "AccessDenied" in one for one in on.told()["not_done"]), on.told())
            self.assertEqual(on.release().status, "Failed")

    def test_a_drill_can_be_repeated_and_is_no_run_of_the_case(self):
        with Stage() as on:
            for drill in ("yes", "yes", "no"):
                self.assertEqual(on.respond(Drill=drill, Mode="collect-only").outputs["Report"]["Outcome"], "collected")
            collected = [command["Parameters"]["EvidenceUri"] for command in on.world.commands if command["Document"] == "Hozen-Collect"]
            self.assertEqual(collected, [f"s3://{BUCKET}/cases-drill"] * 2 + [f"s3://{BUCKET}/cases"])

    def test_the_instance_and_its_disks_are_kept_and_marked(self):
        with Stage() as on:
            run = on.respond(Mode="collect-only")
            self.assertTrue(on.attribute("disableApiTermination"))
            kept = [one["BlockDeviceMappings"][0]["Ebs"] for one in on.world.called("ec2", "ModifyInstanceAttribute") if "BlockDeviceMappings" in one]
            self.assertTrue(kept and all(one == {"DeleteOnTermination": False} for one in kept), kept)
            self.assertEqual({name: value for name, value in on.tags().items() if name.startswith("hozen:")}, {"hozen:case": "IR-1", "hozen:execution": run.id})
            self.assertEqual(on.noted(run)["not_protected"], [])

    def test_what_only_the_account_knows_is_saved_before_anything_is_cut(self):
        with Stage() as on:
            address = on.ec2.real.allocate_address(Domain="vpc")
            on.ec2.real.associate_address(AllocationId=address["AllocationId"], InstanceId=on.instance)
            on.second_interface()
            run = on.respond()
            saved = on.world.client("s3").real.get_object(Bucket=BUCKET, Key=on.world.called("s3", "PutObject")[0]["Key"])
            facts = json.loads(saved["Body"].read())
            self.assertEqual((facts["case"], facts["instance"]["InstanceId"], len(facts["interfaces"])), ("IR-1", on.instance, 2))
            self.assertEqual({group["GroupId"] for group in facts["groups"]}, {on.web, on.admin})
            self.assertTrue(facts["profile"][0]["IamInstanceProfile"]["Arn"].endswith("/web"))
            self.assertTrue(facts["screenshot"] and facts["finding"].startswith("arn:aws:guardduty:"))
            self.assertEqual(on.noted(run)["elastic_addresses"], [address["PublicIp"]])

    def test_an_image_is_made_without_a_reboot(self):
        with Stage() as on:
            # moto tags no snapshots of an image.
            on.world.own["ec2", "CreateImage"] = lambda **_: {"ImageId": "ami-0123456789abcdef0"}
            on.respond(DiskEvidence="image")
            (image,) = on.world.called("ec2", "CreateImage")
            self.assertIs(image["NoReboot"], True)
            self.assertIn({"Key": "hozen:case", "Value": "IR-1"}, image["TagSpecifications"][0]["Tags"])
            self.assertEqual(on.told()["disks"], ["ami-0123456789abcdef0"])

    def test_contain_now_waits_for_nothing(self):
        with Stage() as on:
            run = on.respond(Mode="contain-now")
            self.assertEqual(run.outputs["Report"]["Outcome"], "contained")
            self.assertTrue(on.contained())
            self.assertEqual(on.world.commands, [])
            self.assertLess(on.first("ec2", "ModifyNetworkInterfaceAttribute"), on.first("ec2", "CreateSnapshots"))
            self.assertEqual(len(on.world.called("ec2", "ModifyNetworkInterfaceAttribute")), 2)

    def test_the_agent_fails(self):
        with Stage() as on:
            on.world.on_command["Hozen-Collect"] = stage.collect_badly
            run = on.respond()
            self.assertEqual(run.outputs["Report"]["Outcome"], "not-collected-and-contained")
            self.assertTrue(on.contained())
            self.assertIn("the seal could not be stored", on.told()["do"])

    def test_a_line_that_was_cut_off_is_no_line(self):
        """Systems Manager keeps the first 24,000 characters: what comes before the line pushes it out."""
        for many, outcome in ((30_000, "not-collected-and-contained"), (20_000, "collected-and-contained")):
            with self.subTest(many), Stage() as on:
                on.world.on_command["Hozen-Collect"] = lambda world, command, many=many: stage.ends(command, "x" * many + "\n" + stage.line())
                self.assertEqual(on.respond().outputs["Report"]["Outcome"], outcome)
                self.assertTrue(on.contained())

    def test_sealed_evidence_counts_whatever_its_exit_code(self):
        with Stage() as on:
            on.world.on_command["Hozen-Collect"] = stage.collect_partly
            self.assertEqual(on.respond().outputs["Report"]["Outcome"], "collected-and-contained")
            self.assertEqual((on.told()["memory"], on.told()["code"]), ("failed", 20))

    def test_the_agent_times_out(self):
        with Stage() as on:
            on.world.on_command["Hozen-Collect"] = stage.collect_killed
            begun = on.world.now
            run = on.respond()
            self.assertEqual(run.outputs["Report"]["Outcome"], "not-collected-and-contained")
            self.assertTrue(on.contained())
            self.assertLess(on.world.now - begun, 45 * 60)
            self.assertEqual(on.told()["containment_reason"], "deadline")

    def test_the_time_for_collection_lies_within_the_most_that_may_pass(self):
        for minutes, seconds in (("45", "auto"), ("30", "90000"), ("720", "36000")):
            with self.subTest(minutes), Stage() as on:
                on.world.on_command["Hozen-Collect"] = stage.collect_killed
                begun = on.world.now
                on.respond(MaxWaitMinutes=minutes, DeadlineSeconds=seconds)
                self.assertTrue(on.contained())
                self.assertLess(on.world.now - begun, int(minutes) * 60)

    def test_no_time_is_left(self):
        with Stage() as on:
            def slow(execution, step):
                on.world.now += 400 if step == "SaveFacts" else 0
            on.world.on_step = slow
            on.respond(MaxWaitMinutes="30")
            self.assertEqual(on.world.commands, [])
            self.assertTrue(on.contained())
            self.assertEqual(on.told()["containment_reason"], "deadline")
            with self.assertRaises(ValueError):
                on.begin(MaxWaitMinutes="29")

    def test_the_most_that_may_pass_holds_where_every_step_takes_its_limit(self):
        limits = {step["name"]: (step.get("timeoutSeconds"), step["inputs"].get("TimeoutSeconds")) for step in DOCUMENTS["Hozen-Gather"]["mainSteps"]}
        for minutes in ("30", "45", "120"):
            with self.subTest(minutes), Stage() as on:
                at = {}

                def after(seconds, then):
                    def act(world, command):
                        world.now += seconds
                        then(world, command)
                    return act

                def collect(world, command):
                    world.now += limits["Collect"][1] + int(command["Parameters"]["TimeoutSeconds"]) - 600
                    stage.collect_well(world, command)

                def hold(**_):
                    on.world.now += 241
                on.world.on_command = {"Hozen-Preflight": after(limits["Preflight"][0], stage.preflight_ready), "Hozen-Collect": collect,
                                       "Hozen-Seal": after(limits["Seal"][0], stage.seal_well)}
                on.world.own["s3", "PutObjectLegalHold"] = hold
                on.world.on_step = lambda execution, step: at.setdefault(step, on.world.now)
                run = on.respond(MaxWaitMinutes=minutes, DeadlineSeconds="90000")
                self.assertEqual(run.outputs["Report"]["Outcome"], "collected-and-contained")
                self.assertEqual(on.noted(run)["held"], 1)
                self.assertLessEqual(at["Contain"] - at["Identify"], int(minutes) * 60)

    def test_cancelled_at_any_step_it_contains(self):
        for step in BEFORE_CONTAINMENT + ["Contain"]:
            with self.subTest(step), Stage() as on:
                cancel_at(on.world, step)
                run = on.respond()
                self.assertEqual(run.status, "Cancelled")
                self.assertTrue(on.contained(), run.trace)
                self.assertLessEqual(sum(on.world.slept), 45)

    def test_the_command_is_cancelled(self):
        with Stage() as on:
            on.world.on_command["Hozen-Collect"] = stage.collect_cancelled
            on.respond()
            self.assertTrue(on.contained())

    def test_whatever_fails_before_it_contains(self):
        faults = [("ssm", "PutParameter"), ("ssm", "GetParameter"), ("ssm", "DescribeInstanceInformation"), ("ec2", "CreateTags"), ("ec2", "ModifyInstanceAttribute"),
                  ("s3", "PutObject"), ("sts", "AssumeRole"), ("ssm", "ListCommands"), ("ec2", "CreateSnapshots"), ("s3", "PutObjectLegalHold"),
                  ("autoscaling", "DescribeAutoScalingInstances"), ("ssm", "GetAutomationExecution"), ("iam", "PutRolePolicy"),
                  ("iam", "GetInstanceProfile"), ("ec2", "ModifyInstanceMetadataOptions"), ("ec2", "ReplaceIamInstanceProfileAssociation"),
                  ("ec2", "DescribeAddresses"), ("sns", "Publish"), ("events", "PutEvents"), ("securityhub", "BatchUpdateFindings")]
        for service, api in faults:
            with self.subTest(f"{service}:{api}"), Stage() as on:
                on.world.fail(service, api)
                run = on.respond()
                self.assertTrue(on.contained(), (run.trace, run.error))
                self.assertIn("Report", run.trace)

    def test_it_is_not_managed(self):
        for state in (None, "ConnectionLost"):
            with self.subTest(state), Stage() as on:
                on.world.managed = {on.instance: state} if state else {}
                self.assertEqual(on.respond().outputs["Report"]["Outcome"], "not-collected-and-contained")
                self.assertTrue(on.contained())
                self.assertEqual(len(on.world.called("ec2", "CreateSnapshots")), 1)
                self.assertIn("Systems Manager", on.told()["do"])

    def test_its_agent_stops_answering(self):
        with Stage() as on:
            def lost(world, command):
                world.managed[on.instance] = "ConnectionLost"
                stage.preflight_ready(world, command)
            on.world.on_command["Hozen-Preflight"] = lost
            on.respond()
            self.assertTrue(on.contained())
            self.assertIn("DeliveryTimedOut", on.told()["do"])

    def test_the_seal_is_refused(self):
        with Stage() as on:
            on.world.on_command["Hozen-Seal"] = stage.seal_refuses
            self.assertEqual(on.respond().outputs["Report"]["Outcome"], "unsealed-and-contained")
            self.assertTrue(on.contained())
            self.assertIn("does not verify", on.told()["do"])

    def test_the_bucket_is_the_wrong_one(self):
        with Stage() as on:
            on.world.on_command["Hozen-Preflight"] = stage.preflight_refused
            on.respond()
            self.assertNotIn("Hozen-Collect", [command["Document"] for command in on.world.commands])
            self.assertTrue(on.contained())
            self.assertIn("locks nothing", on.told()["do"])

    def test_a_group_cannot_be_changed(self):
        with Stage() as on:
            on.world.fail("ec2", "ModifyNetworkInterfaceAttribute")
            run = on.respond()
            self.assertEqual((run.status, on.told()["outcome"]), ("Failed", "not-contained"))
            self.assertIn("NOT CONTAINED", on.told()["do"])
            self.assertEqual(on.imds(), "disabled")

    def test_a_group_cannot_be_changed_at_first(self):
        with Stage() as on:
            on.world.fail("ec2", "ModifyNetworkInterfaceAttribute", times=3)
            self.assertEqual(on.respond().outputs["Report"]["Outcome"], "collected-and-contained")
            self.assertTrue(on.contained())

    def test_every_interface_is_contained(self):
        with Stage() as on:
            card = on.second_interface()
            on.respond()
            self.assertEqual(on.groups(), [[on.quarantine]] * 2)
            on.ec2.real.modify_network_interface_attribute(NetworkInterfaceId=card, Groups=[on.admin])

    def test_a_tag_alone_makes_no_quarantine(self):
        for given in (True, False):
            with Stage() as on:
                mark = [{"Key": "hozen:purpose", "Value": "quarantine"}]
                on.ec2.real.create_tags(Resources=[on.web, on.admin], Tags=mark)
                card = on.ec2.real.describe_instances(InstanceIds=[on.instance])["Reservations"][0]["Instances"][0]["NetworkInterfaces"][0]
                on.ec2.real.modify_network_interface_attribute(NetworkInterfaceId=card["NetworkInterfaceId"], Groups=[on.web])
                on.respond(**({} if given else {"QuarantineGroupId": ""}))
                self.assertEqual(on.groups(), [[on.quarantine]])

    def test_a_network_without_groups_gets_them(self):
        with Stage() as on:
            on.ec2.delete_tags(Resources=[on.quarantine], Tags=[{"Key": "hozen:purpose"}])
            on.respond(QuarantineGroupId="", UntrackGroupId="")
            made = on.ec2.real.describe_security_groups(GroupIds=[groups[0] for groups in on.groups()])["SecurityGroups"][0]
            self.assertEqual((made["IpPermissions"], made["IpPermissionsEgress"]), ([], []))
            self.assertTrue(made["GroupName"].startswith("hozen-quarantine-"))

    def test_a_member_of_a_scaling_group_stands_by(self):
        with Stage() as on:
            scaling = on.world.client("autoscaling")
            scaling.create_launch_configuration(LaunchConfigurationName="web", ImageId=stage.IMAGE, InstanceType="t3.small")
            scaling.create_auto_scaling_group(AutoScalingGroupName="web", LaunchConfigurationName="web", MinSize=1, MaxSize=3,
                                              DesiredCapacity=1, VPCZoneIdentifier=on.subnet)
            on.instance = scaling.describe_auto_scaling_instances()["AutoScalingInstances"][0]["InstanceId"]
            on.world.managed[on.instance] = "Online"
            on.respond()
            found = scaling.describe_auto_scaling_instances(InstanceIds=[on.instance])["AutoScalingInstances"][0]
            self.assertEqual((found["LifecycleState"], found["ProtectedFromScaleIn"]), ("Standby", True))
            self.assertLess(on.first("autoscaling", "EnterStandby"), on.first("sts", "AssumeRole"))
            self.assertTrue(on.contained())

    def test_sessions_of_a_neighbour_with_the_same_profile_stay_alive(self):
        with Stage() as on:
            on.respond()
            self.assertTrue(on.denies("web", on.instance))
            self.assertFalse(on.denies("web", on.neighbour))
            self.assertFalse(on.denies("web", on.instance, issued="2100-01-01T00:00:00Z"))
            self.assertTrue(on.untouched(on.neighbour))

    def test_it_can_be_contained_before_collection(self):
        with Stage() as on:
            seen = []

            def look(world, command):
                seen.extend(on.groups())
                stage.collect_well(world, command)
            on.world.on_command["Hozen-Collect"] = look
            on.respond(PreContain="yes", EgressGroupId=on.egress)
            self.assertEqual(seen, [[on.egress]])
            self.assertTrue(on.contained())
            self.assertEqual(on.release().status, "Success")
            self.assertTrue(on.untouched())

    def test_approval(self):
        for word, contained, outcome in (("Approved", True, "collected-and-contained"), ("Waiting", True, "collected-and-contained"),
                                         ("Rejected", False, "containment-rejected")):
            with self.subTest(word), Stage() as on:
                on.world.on_approve = lambda word=word: word
                run = on.respond(RequireApproval="yes", Approvers=["arn:aws:iam::123456789012:role/lead"])
                self.assertEqual((on.contained(), run.outputs["Report"]["Outcome"]), (contained, outcome))

    def test_a_case_is_collected_once(self):
        with Stage() as on:
            on.respond(Mode="collect-only")
            before = len(on.world.commands)
            on.respond()
            self.assertEqual(len(on.world.commands), before)
            self.assertTrue(on.contained())
            on.respond(Again="yes", CaseId="IR-1", Mode="collect-only")
            self.assertGreater(len(on.world.commands), before)

    def test_containing_twice_changes_nothing(self):
        with Stage() as on:
            on.respond()
            before = len(on.world.called("ec2", "ModifyNetworkInterfaceAttribute"))
            on.respond()
            self.assertEqual(len(on.world.called("ec2", "ModifyNetworkInterfaceAttribute")), before)
            self.assertEqual(on.release().status, "Success")
            self.assertTrue(on.untouched())


class BadInput(unittest.TestCase):
    """A clear end, a word on what to do, and containment as asked."""

    def test_there_is_no_such_instance(self):
        with Stage() as on:
            run = on.respond(InstanceId="i-0123456789abcdef0")
            self.assertEqual((run.status, on.told()["outcome"]), ("Success", "refused"))
            self.assertIn("no such instance", on.told()["do"])
            self.assertNotIn("Contain", run.trace)

    def test_it_is_stopped(self):
        with Stage() as on:
            on.ec2.stop_instances(InstanceIds=[on.instance])
            on.respond()
            self.assertTrue(on.contained())
            self.assertIn("the instance is stopped", on.told()["do"])
            self.assertEqual(len(on.world.called("ec2", "CreateSnapshots")), 1)

    def test_it_runs_windows(self):
        with Stage() as on:
            real = on.ec2.real.describe_instances

            def windows(**arguments):
                answer = real(**arguments)
                answer["Reservations"][0]["Instances"][0]["Platform"] = "windows"
                return answer
            on.world.own["ec2", "DescribeInstances"] = windows
            on.respond()
            self.assertTrue(on.contained())
            self.assertIn("Linux only", on.told()["do"])
            self.assertEqual(on.world.commands, [])

    def test_parameters_that_would_be_shell_are_refused(self):
        with Stage() as on:
            for name in DOCUMENTS["Hozen-Respond"]["parameters"]:
                if name == "Approvers":
                    continue
                for word in ("x; reboot", "$(reboot)", "`reboot`", "a\nb", "a|b", "'", '"', "a && b", "x\n"):
                    with self.assertRaises(ValueError, msg=f"{name}={word!r}"):
                        on.begin(**{name: word})
            self.assertEqual(on.world.calls, [])

    def test_two_responses_at_once(self):
        with Stage() as on:
            second = {}

            def meanwhile(world, command):
                if not second:
                    second["run"] = on.begin(CaseId="IR-2").run()
                    self.assertTrue(on.untouched(), "the second cut the first off")
                stage.collect_well(world, command)
            on.world.on_command["Hozen-Collect"] = meanwhile
            first = on.respond(Mode="collect-only")
            self.assertEqual(second["run"].outputs["Report"]["Outcome"], "joined")
            self.assertEqual(len([command for command in on.world.commands if command["Document"] == "Hozen-Collect"]), 1)
            self.assertTrue(on.contained(), first.trace)
            self.assertIn("ContainAgain" if "ContainAgain" in first.trace else "Contain", first.trace)

    def test_a_drill_keeps_no_response_from_containing(self):
        with Stage() as on:
            def meanwhile(world, command):
                on.begin(CaseId="IR-2").run()
                self.assertTrue(on.untouched(), "the second cut the first off")
                stage.collect_well(world, command)
            on.world.on_command["Hozen-Collect"] = meanwhile
            on.respond(Drill="yes", Mode="collect-only", CaseId="DRILL-1")
            self.assertTrue(on.contained())
        with Stage() as on:
            def late(execution, step):
                if step == "Report" and execution.parameters["CaseId"] == "DRILL-1":
                    on.world.on_step = lambda execution, step: None
                    on.begin(CaseId="IR-2").run()
            on.world.on_step = late
            self.assertIn("ContainLate", on.respond(Drill="yes", CaseId="DRILL-1").trace)
            self.assertTrue(on.contained())

    def test_the_second_response_comes_in_the_last_moment(self):
        with Stage() as on:
            def late(execution, step):
                if step == "Report" and execution.parameters["CaseId"] == "IR-1":
                    on.world.on_step = lambda execution, step: None
                    on.begin(CaseId="IR-2").run()
            on.world.on_step = late
            run = on.respond(Mode="collect-only")
            self.assertIn("ContainLate", run.trace)
            self.assertTrue(on.contained())

    def test_contain_now_while_another_collects(self):
        with Stage() as on:
            def meanwhile(world, command):
                on.begin(CaseId="IR-2", Mode="contain-now").run()
                stage.collect_killed(world, command)
            on.world.on_command["Hozen-Collect"] = meanwhile
            on.respond(Mode="collect-only")
            self.assertTrue(on.contained())

    def test_the_lock_of_a_dead_response_holds_nobody_up(self):
        with Stage() as on:
            value = json.dumps({"execution": "00000000-0000-0000-0000-000000000000", "case": "IR-0"})
            on.world.client("ssm").put_parameter(Name="/hozen/lock/" + on.instance, Value=value, Type="String")
            self.assertEqual(on.respond().outputs["Report"]["Outcome"], "collected-and-contained")


class Release(unittest.TestCase):
    """The way back."""

    def test_all_is_as_it_was(self):
        with Stage() as on:
            on.second_interface()
            before, real = on.groups(), on.ec2.real.describe_instance_attribute
            # moto takes no change of what a shutdown does.
            on.world.own["ec2", "DescribeInstanceAttribute"] = lambda Attribute, **one: (
                {"InstanceInitiatedShutdownBehavior": {"Value": "terminate"}} if Attribute.startswith("instanceI") else real(Attribute=Attribute, **one))
            on.respond()
            self.assertEqual(on.release().status, "Success")
            self.assertEqual((on.groups(), on.profile(), on.imds()), (before, ["web"], "enabled"))
            self.assertFalse(on.denies("web", on.instance))
            shutdown = [one["InstanceInitiatedShutdownBehavior"]["Value"] for one in on.world.called("ec2", "ModifyInstanceAttribute")
                        if "InstanceInitiatedShutdownBehavior" in one]
            self.assertEqual((on.attribute("disableApiTermination"), shutdown), (False, ["stop", "terminate"]))

    def test_a_later_case_takes_over_what_only_collected(self):
        with Stage() as on:
            on.respond(Mode="collect-only")
            on.respond(CaseId="IR-2")
            self.assertTrue(on.contained())
            self.assertEqual(on.release().status, "Failed")
            self.assertEqual(on.release(CaseId="IR-2").status, "Success")
            self.assertEqual((on.untouched(), on.attribute("disableApiTermination")), (True, False))

    def test_only_for_the_case_that_holds_it(self):
        with Stage() as on:
            on.respond()
            self.assertEqual(on.release(CaseId="IR-2").status, "Failed")
            self.assertTrue(on.contained())

    def test_what_was_never_contained_is_refused(self):
        with Stage() as on:
            run = on.release()
            self.assertEqual(run.status, "Failed")
            self.assertIn("nothing is written down", run.error)


class Orchestrator(unittest.TestCase):
    """Each defect of AWS's Automated Forensics Orchestrator 1.2.3 that is known, by its number, and that ours has it not."""

    def test_defect_01_empty_evidence_is_no_success(self):
        with Stage() as on:
            on.world.on_command["Hozen-Collect"] = lambda world, command: stage.ends(command, "")
            self.assertEqual(on.respond().outputs["Report"]["Outcome"], "not-collected-and-contained")

    def test_defect_02_the_digest_is_recorded(self):
        with Stage() as on:
            on.respond()
            self.assertEqual((on.told()["end_sha256"], on.told()["manifest_sha256"]), ("e" * 64, "a" * 64))

    def test_defect_03_the_digest_is_verified(self):
        with Stage() as on:
            on.respond()
            seal = [command for command in on.world.commands if command["Document"] == "Hozen-Seal"][0]
            self.assertEqual(seal["Parameters"]["EndSha256"], "e" * 64)
            self.assertRegex(seal["Parameters"]["Credentials"], "^ssm:/hozen/credentials/[0-9a-f-]{36}-seal$")
            self.assertNotEqual(seal["InstanceId"], on.instance)

    def test_defect_04_the_module_store_reaches_the_agent(self):
        script = "\n".join(DOCUMENTS["Hozen-Collect"]["mainSteps"][1]["inputs"]["runCommand"])
        self.assertIn('--modules "$SSM_Modules"', script)
        self.assertEqual(list(lint.check("Hozen-Collect", DOCUMENTS["Hozen-Collect"])), [])

    def test_defect_05_credentials_only_write_for_this_case_and_instance(self):
        with Stage() as on:
            on.respond()
            policy = json.loads(on.world.called("sts", "AssumeRole")[0]["Policy"])
            actions = [action for one in policy["Statement"] for action in ([one["Action"]] if isinstance(one["Action"], str) else one["Action"])]
            self.assertEqual(set(actions), {"s3:PutObject", "s3:PutObjectRetention", "s3:GetBucketObjectLockConfiguration"})
            self.assertEqual(policy["Statement"][0]["Resource"][0], f"arn:aws:s3:::{BUCKET}/cases/IR-1/{ACCOUNT}/{on.instance}/*")
            self.assertLessEqual(len(on.world.called("sts", "AssumeRole")[0]["Policy"]), 2048)

    def test_defect_06_credentials_stay_nowhere(self):
        with Stage() as on:
            secrets = []
            real = on.world.client("sts").real.assume_role

            def assume(**arguments):
                answer = real(**arguments)
                secrets.extend(answer["Credentials"][word] for word in stage.SECRET_WORDS)
                return answer
            on.world.own["sts", "AssumeRole"] = assume
            on.respond()
            history = json.dumps([[execution.steps, execution.parameters] for execution in on.world.executions.values()], default=str)
            history += json.dumps(on.world.commands) + json.dumps(on.world.called("sns", "Publish"))
            self.assertEqual(len(secrets), 4)
            self.assertFalse([secret for secret in secrets if secret in history])
            left = [one["Name"] for one in on.world.client("ssm").real.describe_parameters()["Parameters"]]
            self.assertFalse([name for name in left if name.startswith("/hozen/credentials/")])
            self.assertTrue(on.denies("writer", f"{on.instance}-{list(on.world.executions)[0][:8]}"))

    def test_credentials_of_the_sealer_stay_nowhere_when_it_does_not_come_to_a_seal(self):
        def cancelled(world, command):
            stage.ends(command, "", 137, "Cancelled")
        for ending in (cancelled, stage.seal_refuses, None):
            with self.subTest(ending), Stage() as on:
                if ending:
                    on.world.on_command["Hozen-Seal"] = ending
                else:
                    # Nobody judges the seal, as where the execution of Hozen-Gather comes to its time-out.
                    on.world.on_step = lambda execution, step: fail_at(step, "JudgeSeal")
                run = on.respond()
                self.assertEqual(len([one for one in on.world.called("ssm", "PutParameter") if one["Name"].endswith("-seal")]), 1)
                left = [one["Name"] for one in on.world.client("ssm").real.describe_parameters()["Parameters"]]
                self.assertFalse([name for name in left if name.startswith("/hozen/credentials/")])
                self.assertEqual(on.noted(run)["credentials_not_ended"], [])

    def test_defect_07_failed_memory_still_contains(self):
        for ending in (stage.collect_badly, stage.collect_killed, stage.collect_partly):
            with Stage() as on:
                on.world.on_command["Hozen-Collect"] = ending
                on.respond()
                self.assertTrue(on.contained())

    def test_defect_08_collect_only_does_not_contain_when_memory_fails(self):
        with Stage() as on:
            on.world.on_command["Hozen-Collect"] = stage.collect_badly
            on.respond(Mode="collect-only")
            self.assertTrue(on.untouched())

    def test_defect_09_a_later_failure_undoes_nothing(self):
        with Stage() as on:
            on.second_interface()
            for service, api in (("ec2", "DescribeAddresses"), ("iam", "PutRolePolicy"), ("ec2", "ModifyInstanceMetadataOptions"), ("sns", "Publish")):
                on.world.fail(service, api)
            on.respond()
            self.assertTrue(on.contained())

    def test_defect_10_only_this_instance_loses_its_sessions_after_the_profile(self):
        with Stage() as on:
            on.respond()
            self.assertFalse(on.denies("web", on.neighbour))
            self.assertLess(on.first("ec2", "ReplaceIamInstanceProfileAssociation"), on.first("iam", "PutRolePolicy"))
            self.assertLess(on.first("ec2", "ModifyInstanceMetadataOptions"), on.first("iam", "PutRolePolicy"))

    def test_defect_11_without_an_agent_disks_are_kept_and_it_is_contained(self):
        with Stage() as on:
            on.world.managed.clear()
            on.respond()
            self.assertTrue(on.contained())
            self.assertEqual(len(on.world.called("ec2", "CreateSnapshots")), 1)
            self.assertEqual(len(on.world.called("sns", "Publish")), 1)

    def test_defect_12_tracking_gets_time_to_end_and_ipv6_is_thought_of(self):
        with Stage() as on:
            on.ec2.delete_tags(Resources=[on.quarantine], Tags=[{"Key": "hozen:purpose"}])
            on.respond(QuarantineGroupId="", UntrackGroupId="")
            self.assertEqual(on.world.slept, [60])
            opened = on.world.called("ec2", "AuthorizeSecurityGroupEgress")[0]["IpPermissions"][0]
            self.assertEqual(opened["Ipv6Ranges"], [{"CidrIpv6": "::/0"}])
            changes = [arguments["Groups"] for arguments in on.world.called("ec2", "ModifyNetworkInterfaceAttribute")]
            self.assertEqual(len(changes), 2)

    def test_defect_13_disks_come_after_collection(self):
        with Stage() as on:
            on.world.on_command["Hozen-Collect"] = lambda world, command: (
                self.assertEqual(world.called("ec2", "CreateSnapshots"), []), stage.collect_well(world, command))
            on.respond()
            self.assertEqual(len(on.world.called("ec2", "CreateSnapshots")), 1)

    def test_defect_14_a_run_ends_before_its_credentials(self):
        with Stage() as on:
            real = on.world.client("sts").real.assume_role

            def chained(**arguments):
                if arguments["DurationSeconds"] > 3600:
                    raise ClientError({"Error": {"Code": "ValidationError", "Message": "exceeds the 1 hour session limit for roles assumed by role chaining"}}, "AssumeRole")
                return real(**arguments)
            on.world.own["sts", "AssumeRole"] = chained
            on.respond(Mode="collect-only", DeadlineSeconds="20000")
            parameters = [command for command in on.world.commands if command["Document"] == "Hozen-Collect"][0]["Parameters"]
            self.assertEqual(int(parameters["DeadlineSeconds"]), 3600 - 120 - 700)

    def test_defect_14_the_time_goes_by_the_memory(self):
        seconds = {}
        for kind in ("t3.large", "r5.24xlarge"):
            with Stage() as on:
                on.ec2.stop_instances(InstanceIds=[on.instance])
                on.ec2.modify_instance_attribute(InstanceId=on.instance, InstanceType={"Value": kind})
                on.ec2.start_instances(InstanceIds=[on.instance])
                on.respond(Mode="collect-only")
                parameters = [command for command in on.world.commands if command["Document"] == "Hozen-Collect"][0]["Parameters"]
                seconds[kind] = int(parameters["DeadlineSeconds"])
                self.assertEqual(int(parameters["TimeoutSeconds"]), seconds[kind] + 120)
                self.assertGreater(on.world.called("sts", "AssumeRole")[0]["DurationSeconds"], seconds[kind])
        self.assertEqual(seconds, {"t3.large": 900, "r5.24xlarge": 300 + 768 * 20})

    def test_defect_15_nothing_waits_a_fixed_time_for_the_host(self):
        for name, document in DOCUMENTS.items():
            script = "\n".join(line for step in document["mainSteps"] for line in step["inputs"].get("runCommand", []))
            self.assertNotRegex(script, r"\bsleep\b", name)

    def test_defect_16_no_version_of_a_distribution_is_compared(self):
        for name in ("Hozen-Collect", "Hozen-Preflight", "Hozen-DropIn"):
            self.assertNotRegex(json.dumps(DOCUMENTS[name]), r"os-release|VERSION_ID|platformVersion", name)

    def test_defect_17_more_than_memory_is_collected(self):
        script = "\n".join(DOCUMENTS["Hozen-Collect"]["mainSteps"][1]["inputs"]["runCommand"])
        self.assertIn('--profile "$SSM_Profile"', script)
        self.assertNotIn("--only", script)

    def test_defect_18_a_rejected_image_is_told_as_that(self):
        with Stage() as on:
            on.world.on_command["Hozen-Collect"] = stage.collect_partly
            on.respond()
            self.assertEqual((on.told()["memory"], on.told()["images"]), ("failed", []))


class Lint(unittest.TestCase):
    """The linter finds what is wrong, so that its silence means something."""

    def test_the_documents_are_sound(self):
        for name, document in DOCUMENTS.items():
            self.assertEqual(list(lint.check(name, document)), [], name)

    def assert_found(self, name, change, words):
        document = copy.deepcopy(DOCUMENTS[name])
        change({step["name"]: step for step in document["mainSteps"]}, document)
        found = "\n".join(lint.check(name, document))
        self.assertIn(words, found)

    def test_what_is_wrong_is_found(self):
        respond = [
            (lambda steps, _: steps["Gather"].update(onFailure="Abort"), "leads past containment"),
            (lambda steps, _: steps["Gather"].update(onCancel="step:Report"), "when cancelled"),
            (lambda steps, _: steps["KeepDisks"].pop("onCancel"), "when cancelled"),
            (lambda steps, _: steps["LayHold"].update(nextStep="Report"), "leads past containment"),
            (lambda steps, _: steps["LayHold"].update(onFailure="step:Nowhere"), "no step Nowhere"),
            (lambda steps, _: steps["Contain"].update(onFailure="Abort"), "not tried again"),
            (lambda steps, _: steps["Protect"]["inputs"]["InputPayload"].update(X="{{ Gather.Y }}"), "not there on every way"),
            (lambda steps, _: steps["Protect"]["inputs"]["InputPayload"].update(X="{{ Mistyped }}"), "not declared"),
            (lambda steps, _: steps["Protect"].update(timeoutSeconds=601), "timeoutSeconds"),
            (lambda steps, _: steps["Gather"]["inputs"]["RuntimeParameters"].pop("InstanceId"), "needs InstanceId"),
            (lambda steps, _: steps["Gather"]["inputs"]["RuntimeParameters"].update(Other=["x"]), "has no parameter Other"),
            (lambda _, document: document["parameters"]["CaseId"].pop("allowedPattern"), "takes anything"),
            (lambda _, document: document["parameters"]["CaseId"].update(allowedPattern="^.*$"), "takes shell"),
            (lambda _, document: document.update(description="x" * 70000), "takes 65536"),
        ]
        for change, words in respond:
            self.assert_found("Hozen-Respond", change, words)
        collect = [
            (lambda steps, _: steps["Uninstall"]["inputs"].pop("finallyStep"), "whatever became"),
            (lambda steps, _: steps["Collect"]["inputs"].update(finallyStep=True), "only on the last step"),
            (lambda steps, _: steps["Collect"].update(onFailure="exit"), "only within inputs"),
            (lambda steps, _: steps["Collect"]["inputs"]["runCommand"].append("echo {{ CaseId }}"), "not to be put into text"),
            (lambda steps, _: steps["Collect"]["inputs"]["runCommand"].append("echo $SSM_Nothing"), "which is no variable"),
        ]
        for change, words in collect:
            self.assert_found("Hozen-Collect", change, words)

    def test_a_secret_that_is_no_variable_is_found(self):
        secrets = [(name, parameter) for name, document in DOCUMENTS.items() if document["schemaVersion"] == "2.2"
                   for parameter in document["parameters"] if lint.SECRET.search(parameter)]
        self.assertLessEqual({("Hozen-Collect", "AWS_SECRET_ACCESS_KEY"), ("Hozen-Collect", "AWS_SESSION_TOKEN"), ("Hozen-DropIn", "AccessKeyId"),
                              ("Hozen-DropIn", "SecretAccessKey"), ("Hozen-DropIn", "SessionToken")}, set(secrets))
        for name, parameter in secrets:
            words = f"{parameter} is a secret, and no variable"
            self.assert_found(name, lambda _, document, parameter=parameter: document["parameters"][parameter].pop("interpolationType"), words)
            self.assert_found(name, lambda _, document, parameter=parameter: document["parameters"][parameter].update(interpolationType="text"), words)


def fail_at(step, wanted):
    if step == wanted:
        raise StepFailed(f"{step} came to its time-out")


def cancel_at(world, wanted):
    """Cancels the execution when it comes to a step, once."""
    def look(execution, step):
        if step == wanted and execution.name == "Hozen-Respond" and execution.status == "InProgress":
            raise Cancelled()
    world.on_step = look


if __name__ == "__main__":
    unittest.main()
