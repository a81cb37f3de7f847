"""The tables of a lab definition: one class a table, one field a key.

A field's description says what the key means. What it may be follows from its type and the notes
beside it (`labs.notes`); `labs.checking` prints that when a value is refused. A ValueError that a
validator raises says what to do instead. Rules across tables: `labs.rules`, `labs.composition`.
"""
