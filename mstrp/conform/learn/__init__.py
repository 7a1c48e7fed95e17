"""Active learning of a live server: the machine that it really implements, compared with the tables.

Needs `mstrp[learn]` (AALpy).
"""
