"""Lab definitions: the validated model, addressing and timing. Imports none of the other parts."""
