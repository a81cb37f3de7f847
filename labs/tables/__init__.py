"""The tables of a lab definition: one class a table, one field a key.

A field's description says what is allowed; `labs.checking` prints it when a value is refused. A
ValueError that a validator raises says what to do instead. Rules across tables: `labs.rules`.
"""
