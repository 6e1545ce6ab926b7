"""The function `refresh_discussions` of the patch tracker."""
