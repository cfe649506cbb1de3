"""The shop's tasks: each module builds `Task`s and `Ranking`s for one of them; everything after
that is shared.
"""
