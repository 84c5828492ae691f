"""Tables 3 and 4: landmark retrieval and copy detection.

It imports features and reporting.
"""
