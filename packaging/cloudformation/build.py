#!/usr/bin/env python3
"""Builds the templates of this folder: YAML in, the JSON that CloudFormation takes out.

usage: build.py [--to DIR]     (default: ./built; needs PyYAML)

The policies stay files of their own, which people can use without CloudFormation: `!policy [sealer-role.json]` puts one into a template, and the
template's `Words` say what stands there for the words in capitals. `!text [a.py]` is the text of a file, and `!documents []`
a resource for each document of ssm-documents. The rest are CloudFormation's own functions.
"""

import importlib.util
import json
import pathlib
import re
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
DOCUMENTS = HERE.parents[1] / "ssm-documents"
sys.path.insert(0, str(DOCUMENTS))
import written  # noqa: E402

# What CloudFormation takes from a bucket; directly it takes 51,200.
MOST_BYTES = 1_000_000
FUNCTIONS = ("Sub", "GetAtt", "If", "Equals", "Not", "And", "Or", "Join", "Split", "Select", "Base64", "FindInMap")


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """YAML with CloudFormation's short forms, and ours."""


class Policy(str):
    """The name of a policy file; it becomes the policy when the words are known."""


def plain(loader, node):
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node)


def function(name):
    def construct(loader, node):
        value = plain(loader, node)
        return {f"Fn::{name}": value.split(".", 1) if name == "GetAtt" and isinstance(value, str) else value}
    return construct


def ssm_documents():
    """The builder of the documents, which has the same name as this one."""
    about = importlib.util.spec_from_file_location("ssm_documents_build", DOCUMENTS / "build.py")
    module = importlib.util.module_from_spec(about)
    about.loader.exec_module(module)
    return module.documents()


def resources_of_documents(loader, node):
    """A resource for each document. Automations come after what they call."""
    built = ssm_documents()
    return {resource_name(name): resource_of(name, document, built) for name, document in built.items()}


def resource_name(name):
    return name.replace("-", "")


def resource_of(name, document, built):
    calls = {step["inputs"].get("DocumentName") for step in document["mainSteps"]}
    resource = {"Type": "AWS::SSM::Document", "Properties": {
        "Name": name, "DocumentType": "Command" if document["schemaVersion"] == "2.2" else "Automation", "DocumentFormat": "JSON",
        # A changed document becomes a new version, and the one that is taken.
        "UpdateMethod": "NewVersion", "Content": document}}
    after = sorted(resource_name(called) for called in calls & set(built))
    return {**resource, "DependsOn": after} if after else resource


Loader.add_constructor("!Ref", lambda loader, node: {"Ref": plain(loader, node)})
Loader.add_constructor("!Condition", lambda loader, node: {"Condition": plain(loader, node)})
for one in FUNCTIONS:
    Loader.add_constructor("!" + one, function(one))
Loader.add_constructor("!policy", lambda loader, node: Policy(plain(loader, node)[0]))
# JSON as a text on one line, to go into a parameter.
Loader.add_constructor("!json", lambda loader, node: json.dumps(json.loads((HERE / plain(loader, node)[0]).read_text()), separators=(",", ":")))
Loader.add_constructor("!text", lambda loader, node: "\n".join((HERE / name).read_text() for name in plain(loader, node)))
Loader.add_constructor("!documents", resources_of_documents)


def with_words(value, words):
    """A policy with what stands for its words: text goes through Fn::Sub, a list takes the place of the whole text."""
    if isinstance(value, dict):
        return {key: with_words(inner, words) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_words(inner, words) for inner in value]
    if not isinstance(value, str):
        return value
    if isinstance(words.get(value), (dict, list)):
        return words[value]
    # Variables of IAM are no business of Fn::Sub.
    text = value.replace("${", "${!").replace("arn:aws:", "arn:${AWS::Partition}:")
    pattern = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    text = re.sub(rf"(?<![A-Z-])(?:{pattern})(?![A-Z-])", lambda found: words[found[0]], text) if words else text
    return {"Fn::Sub": text} if "${" in text.replace("${!", "") else value


def filled(value, words):
    if isinstance(value, Policy):
        return with_words(json.loads((HERE / value).read_text()), words)
    if isinstance(value, dict):
        return {key: filled(inner, words) for key, inner in value.items()}
    return [filled(inner, words) for inner in value] if isinstance(value, list) else value


def load(path):
    """One template."""
    template = yaml.load(path.read_text(), Loader)
    return filled(template, template.pop("Words", {}))


def templates():
    """All templates, by name."""
    return {path.stem: load(path) for path in sorted(HERE.glob("*.yaml"))}


def as_json(template):
    """The text that is uploaded."""
    return written.text_of(template, MOST_BYTES, "CloudFormation")


if __name__ == "__main__":
    written.main(__doc__, HERE, templates, as_json)
