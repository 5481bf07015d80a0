"""What samehand knows before it reads anything: names, techniques, providers, base rates.

Every file in ``data`` states source, licence and date; ``tests/test_data.py`` lints them.
"""
