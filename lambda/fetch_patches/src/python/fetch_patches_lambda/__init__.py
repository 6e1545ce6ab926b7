"""The function `fetch_patches` of the patch tracker."""
