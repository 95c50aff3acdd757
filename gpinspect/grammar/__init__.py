"""The truth about gpfdist's bytes and words: messages, heads, header values, statuses, findings.

Every other room that needs to know what a byte means asks here. Binary formats are Construct declarations of a closed subset, and
`outline` is the only visitor over them; text formats are tables with total functions, which never raise on what came from the wire.
Nothing is imported here, so that a module without binary formats (`findings`, `headers`, `statuses`) costs no Construct.
"""
