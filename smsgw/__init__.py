"""smsgw: a company's one gate to SMS, speaking SMPP on both sides."""

__version__ = "0.1.0"
