"""Evidence about pairs of reports: one module per comparison, pure values in and out.

``profile`` indexes one report, ``universe`` knows how common a feature is, ``copies`` knows who
repeats whom, ``evidence`` gathers what two reports share. Nothing here weighs; that is `link`.
"""
