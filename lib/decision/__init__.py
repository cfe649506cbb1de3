"""Which pipeline to choose where nobody has labels: proxies that a catalogue answers by itself,
pairs that a person judges, and the card that says what was decided.
"""
