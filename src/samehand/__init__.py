"""samehand: was it the same hand?

Reads isolated disclosures of cyber attacks and says which describe one campaign, who is behind
it, how likely that is and which evidence carries the answer. The flow of the package is
read, extract, store, compare, link, cluster, attribute, explain, present.
"""

__version__ = "0.1.0"
