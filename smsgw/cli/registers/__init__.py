"""Commands for what staff register: signatures, templates, words, contacts, campaigns, channels; a module each."""
