"""What picture files hold, whoever decodes them: damage of JPEG, levels of more than 8 bits.

It imports no other wing.
"""
