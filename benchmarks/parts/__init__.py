"""Parts of people through videos: VIP.

It imports davis, features and reporting.
"""
