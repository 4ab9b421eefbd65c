"""The tables of the itemizer: words of English radiology, as data. No rule looks at the wording of one report."""
