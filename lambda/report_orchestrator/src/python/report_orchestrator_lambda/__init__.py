"""The function `report_orchestrator` of the region report."""
