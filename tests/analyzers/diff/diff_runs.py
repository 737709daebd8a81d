"""Runs tracebraid diff for its tests."""
import harness


def run(*arguments, **options):
    """The finished process of `tracebraid diff`, of any status."""
    return harness.run("tracebraid", "diff", *arguments, status=None, **options)


def changes(*arguments):
    """The records of all changes, those that are none too."""
    done = run("--all", "-f", "jsonl", *harness.WHEN, *arguments)
    assert done.status == 0, (arguments, done.status, done.errors)
    return done.records()
