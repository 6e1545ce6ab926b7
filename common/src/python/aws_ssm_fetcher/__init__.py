"""Which AWS service is in which region: fetched, analysed, checked and reported."""
