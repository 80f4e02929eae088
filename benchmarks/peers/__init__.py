"""Label recipes of other papers, written anew from their descriptions, as ordinary label sets.

Each takes the texts of a corpus and says which labels an image has. What they share stands once: `texts` reads,
`label_set` writes.
"""
