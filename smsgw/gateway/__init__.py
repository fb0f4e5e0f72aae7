"""The four journeys of a message: MT in, dispatch, receipts back, MO.

Joins the rooms: takes requests from the ESME edge, asks policy, commits to the store, feeds the
carrier edge. Holds no key names and no sockets. Every journey goes through the store: nothing is
handed from admission to dispatch in memory.
"""
