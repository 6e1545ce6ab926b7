"""The function `fetch_discussions` of the patch tracker."""
