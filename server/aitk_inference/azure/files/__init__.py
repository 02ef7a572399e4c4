"""Azure Files behind the ``Share`` port: ``fast_share`` does what a sync does most, ``sdk_share`` all.

Nothing of the SDKs is imported here before it is needed: ``aitk-inference sync`` mostly runs without them.
"""
