def rehearse(steps, what, call, **arguments):
    """In a drill EC2 is only asked whether it would: a right that is missing comes out, and nothing changes."""
    try:
        call(**arguments, DryRun=True)
    except FAILED as error:
        allowed = isinstance(error, ClientError) and error.response["Error"]["Code"] == "DryRunOperation"
        (steps.done if allowed else steps.failed).append("would: " + what if allowed else f"{what}: {error}"[:300])
