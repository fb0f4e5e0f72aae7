"""Reports: what one says, as plain frozen data, and how it is shown, as a page or as a workbook.

Reads no files but its own templates and words, no store and no clock: ``services.reports`` gathers what goes in.
"""
