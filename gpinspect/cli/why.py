"""`gpinspect why`."""

from dataclasses import replace

import click

from gpinspect.cli.options import Options, common
from gpinspect.cli.status import Status


@click.command("why", no_args_is_help=True)
@click.argument("words", nargs=-1, required=True, metavar="SENTENCE...")
@click.option(
    "--in", "inputs", multiple=True, metavar="INPUT", help="Also say which of the proofs are in this capture; repeatable."
)
@common("inputs", "session", "hashes", "utc", "color")
def command(options: Options, words: tuple[str, ...], inputs: tuple[str, ...]) -> int:
    """From a sentence of psql, gpload or gpfdist's log to its causes, and to the findings that prove each."""
    from gpinspect.cli.output import write_json
    from gpinspect.cli.reading import conclude, read
    from gpinspect.cli.talk import say
    from gpinspect.views.explain import suggestions
    from gpinspect.views.why import causes, segment_named, why_object, why_text

    sentence = " ".join(words)
    known = causes(sentence)
    if not known:
        near = list(suggestions(words))
        say(f"no program is known to say {sentence[:200]!r}" + (f"; near it: {', '.join(near)}" if near else ""))
        return Status.USAGE
    segment = segment_named(sentence)
    found = read(replace(options, inputs=inputs)) if inputs else None
    findings = None if found is None else found.findings
    if options.json:
        write_json(why_object(cause, findings, segment) for cause in known)
    else:
        click.echo(why_text(known, findings, segment), nl=False)
    return Status.FINE if found is None else conclude(options, found, summary=False)
