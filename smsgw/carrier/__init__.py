"""The carrier edge: binds to upstream SMSCs, pools of them, reconnecting, health. We are the ESME here.

Knows how to reach a carrier and which bind has room; what to send is the gateway's. Never touches
Redis, applications or configuration files.
"""
